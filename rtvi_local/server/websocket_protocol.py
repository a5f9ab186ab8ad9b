"""How uvicorn speaks WebSocket for us: little is buffered, nothing is compressed, and a client that is gone is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from rtvi_local.config import Config

_UNSENT_BYTES = 4_096
"""About 80 ms of speech for a browser. Linux would take a megabyte and more: a minute of speech, none of which could be
taken back."""
_PING_S = 10.0
_LEAST_FRAME_BYTES = 1 << 20
"""Clients of the standard cut messages for a limit of 1 MiB; what is over our own limit is answered, not hung up on."""


class PromptWebSocket(WebSocketsSansIOProtocol):
    """A slow client holds the sender up at once, so that it learns of it and drops old sound."""

    def connection_made(self, transport: BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).set_write_buffer_limits(high=_UNSENT_BYTES)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # Not every system has it, and none must.
            with contextlib.suppress(AttributeError, OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        super().connection_made(transport)


def websocket_options(config: Config) -> dict[str, Any]:
    """Arguments for `uvicorn.Config`."""
    return {
        "ws": PromptWebSocket,
        "ws_max_size": max(_LEAST_FRAME_BYTES, 2 * config.server.max_message_bytes),
        "ws_ping_interval": _PING_S,
        "ws_ping_timeout": _PING_S,
        "ws_per_message_deflate": False,
    }
