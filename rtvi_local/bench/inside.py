"""An appliance in this process, on a port of its own, for measurements that look into it while a caller talks with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from rtvi_local.appliance import Appliance
from rtvi_local.bench.server_process import free_port
from rtvi_local.config import Config
from rtvi_local.config_sources import load_config
from rtvi_local.model_store import open_store
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.frames import Frame
from rtvi_local.server.app import create_app
from rtvi_local.server.websocket_protocol import websocket_options


@dataclass
class Inside:
    url: str
    models: Path
    """The folder with one folder per model."""
    frames: list[Frame] = field(default_factory=list)
    """What the stages of all conversations emitted."""
    conversations: list[Conversation] = field(default_factory=list)

    @property
    def conversation(self) -> Conversation:
        return self.conversations[-1]


@asynccontextmanager
async def inside(change: Callable[[Config], Config] = lambda config: config) -> AsyncIterator[Inside]:
    config = change(load_config({}, file=None, environment=os.environ).config)
    appliance = Appliance.prepare(config)
    at = Inside(f"http://127.0.0.1:{(port := free_port())}", open_store(config.models.directory).directory)
    open_conversation = appliance.open_conversation

    def observed(transport: Any, request_data: dict[str, Any]) -> Any:
        conversation = open_conversation(transport, request_data)
        assert isinstance(conversation, Conversation)
        conversation.observe_with(at.frames.append)
        at.conversations.append(conversation)
        return conversation

    appliance.open_conversation = observed  # type: ignore[method-assign]
    server = uvicorn.Server(
        uvicorn.Config(create_app(config, appliance), port=port, log_config=None, **websocket_options(config))
    )
    serving = asyncio.create_task(server._serve())
    try:
        await appliance.load()
        yield at
    finally:
        server.should_exit = True
        await serving
        await appliance.close()
