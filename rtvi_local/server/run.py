"""`rtvi-local serve`: check, listen, load, answer, and stop in good order."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket

import uvicorn

from rtvi_local.appliance import Appliance
from rtvi_local.config import Config
from rtvi_local.errors import UserError
from rtvi_local.memory import share_arenas
from rtvi_local.server.app import create_app
from rtvi_local.server.metrics import Metrics
from rtvi_local.server.websocket_protocol import websocket_options

log = logging.getLogger(__name__)

_SHUTDOWN_S = 5
MEMORY_ARENAS = 2
"""Of the C library, for all threads together. Its own default, 8 for each core, keeps 50 MB that nobody uses."""


def serve(config: Config) -> int:
    """Blocking, until a signal ends it. Raises UserError for what a person must mend before it can run."""
    _refuse_the_lan(config.server.host)
    share_arenas(MEMORY_ARENAS)
    appliance = Appliance.prepare(config)
    with _bound(config.server.host, config.server.port) as listening:
        try:
            return asyncio.run(_serve(config, appliance, listening))
        except KeyboardInterrupt:
            return 0


async def _serve(config: Config, appliance: Appliance, listening: socket.socket) -> int:
    host, port = listening.getsockname()[:2]
    url = f"http://{'localhost' if ipaddress.ip_address(host).is_loopback else host}:{port}"
    log.info("%s", appliance.summary)
    metrics = Metrics()
    appliance.on_waterfall = metrics.observe_turn
    app = create_app(config, appliance, metrics=metrics)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            lifespan="on",
            **websocket_options(config),
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    loading = asyncio.create_task(appliance.load())
    try:
        await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done() and loading.exception() is None and not serving.done():
            log.info("ready: open %s", url)
        elif loading.done():
            server.should_exit = True
        await serving
        # Stopped while models were loading: their threads cannot be ended, only waited for.
        await loading
    finally:
        await appliance.close()
    return 0


def _refuse_the_lan(host: str) -> None:
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise UserError(
            f"server.host is {host}, which others on the network could reach. Without TLS and a token this appliance listens "
            "on this machine only: use 127.0.0.1, ::1 or localhost."
        )


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket; raises UserError if the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host} port {port}: {error.strerror or error}. Is rtvi-local running already? "
            "Another port: rtvi-local serve --port 7861"
        ) from error
    return listening
