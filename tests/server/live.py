"""The server on a real port, in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette

from rtvi_local.bench.server_process import free_port
from rtvi_local.config import Config
from rtvi_local.server.websocket_protocol import websocket_options


@contextlib.asynccontextmanager
async def live(app: Starlette, config: Config) -> AsyncIterator[str]:
    """Serves until the end of the block; yields `host:port`."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="on", **websocket_options(config)))
    serving = asyncio.create_task(server._serve())
    try:
        while not server.started:
            assert not serving.done(), "the server ended"
            await asyncio.sleep(0.005)
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
