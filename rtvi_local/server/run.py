"""`rtvi-local serve`: check, listen, load, answer, and stop in good order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace

import uvicorn

from rtvi_local.appliance import Appliance
from rtvi_local.config import EVERY_ADDRESS, Config
from rtvi_local.errors import UserError
from rtvi_local.leaving import leave
from rtvi_local.memory import share_arenas, spare_from_collection
from rtvi_local.server.app import create_app
from rtvi_local.server.lan import Lan, prepare_lan
from rtvi_local.server.metrics import Metrics
from rtvi_local.server.websocket_protocol import websocket_options
from rtvi_local.transports.webrtc_addresses import is_loopback

log = logging.getLogger(__name__)

_SHUTDOWN_S = 5
_TICK_S = 1.0
"""After so long the date in the answers' headers is another."""
MEMORY_ARENAS = 2
"""Of the C library, for all threads together. Its own default, 8 for each core, keeps 50 MB that nobody uses."""


def serve(config: Config) -> int:
    """Blocking, until SIGTERM or SIGINT ends it in good order. Raises UserError for what must be mended before it can run."""
    host = config.server.host
    lan: Lan | None = None
    if config.server.lan:
        host = EVERY_ADDRESS if is_loopback(host) else host
        config = replace(config, server=replace(config.server, host=host))
        lan = prepare_lan(host)
    else:
        _refuse_the_lan(host)
    share_arenas(MEMORY_ARENAS)
    appliance = Appliance.prepare(config)
    with _bound(host, config.server.port) as listening:
        return asyncio.run(_serve(config, appliance, listening, lan))


class _Server(uvicorn.Server):
    """Uvicorn's own way with signals ends the process while models and MCP servers are still open: when its `serve` returns, it
    raises the signal again, for the handler that was there before, which for SIGTERM is the process's end. And it looks ten
    times a second whether it is to stop; this one is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _TICK_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self._stop_at_the_keyboard)
        # They stay: what comes after `serve`, closing the engines, must not be cut short by a signal either.
        yield

    def stop(self) -> None:
        """In good order."""
        self.should_exit = True
        self._stopped.set()

    def _stop_at_the_keyboard(self) -> None:
        """Whoever presses Ctrl-C twice does not want to wait for good order: the second one has its default effect."""
        self.stop()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _serve(config: Config, appliance: Appliance, listening: socket.socket, lan: Lan | None) -> int:
    port = listening.getsockname()[1]
    log.info("%s", appliance.summary)
    metrics = Metrics()
    appliance.on_waterfall = metrics.observe_turn
    appliance.on_frame = metrics.observe_frame
    app = create_app(config, appliance, metrics=metrics, lan=lan)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            lifespan="on",
            ssl_certfile=lan.certificate.certificate if lan else None,
            ssl_keyfile=lan.certificate.key if lan else None,
            **websocket_options(config),
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    loading = asyncio.create_task(appliance.load())
    try:
        await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done() and loading.exception() is None and not serving.done():
            spare_from_collection()
            _say_where(config.server.host, port, lan)
        elif loading.done():
            server.stop()
        await serving
        if not loading.done():
            loading.cancel()
            await appliance.abandon()
            log.info("stopped while models were loading")
            leave(0)
        await loading
    finally:
        await appliance.close()
    log.info("stopped")
    return 0


def _say_where(host: str, port: int, lan: Lan | None) -> None:
    """The token goes to whoever started it in a terminal, and to no log."""
    if lan is None:
        log.info("ready: open http://%s:%d", "localhost" if is_loopback(host) else host, port)
        return
    log.info("ready: https://%s:%d, for who has the token in %s", lan.address, port, lan.token_file)
    if sys.stdout.isatty():
        sys.stdout.write(lan.welcome(port))
        sys.stdout.flush()


def _refuse_the_lan(host: str) -> None:
    if not is_loopback(host):
        raise UserError(
            f"server.host is {host}, which others on the network could reach. Without TLS and a token this appliance listens "
            "on this machine only: use 127.0.0.1, ::1 or localhost, or --lan (server.lan) for both."
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
