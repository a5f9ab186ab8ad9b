"""Clients of WebSockets in Python: what they share, and a browser's; `phones` has the telephone providers'."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.protobuf import AudioFrame, MessageFrame, decode, encode_audio, encode_message


def _connected(url: str) -> socket.socket:
    """Under another name than the one that will be asked for, as after DNS rebinding."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port))


class SocketClient:
    """Reads all there is, all the time; `heard` has (milliseconds on the event loop's clock, samples)."""

    sample_rate: int

    def __init__(self) -> None:
        self.heard: list[tuple[float, Int16]] = []
        self.messages: list[str] = []
        self.closed: tuple[int, str] | None = None
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers` instead of those that the library sends, or besides them."""
        others = dict(headers or {})
        host = others.pop("Host", None)
        self._socket = await connect(
            f"ws://{host}/{url.split('/', 3)[3]}" if host else url,
            sock=_connected(url) if host else None,
            additional_headers=others,
            max_size=None,
            compression=None,
        )
        self._reader = asyncio.create_task(self._read())

    async def hang_up(self) -> None:
        assert self._reader is not None
        await self.socket.close()
        await self._reader

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                self._take(data)
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")

    def _take(self, data: str | bytes) -> None:
        raise NotImplementedError

    def _hear(self, samples: Int16) -> None:
        self.heard.append((asyncio.get_running_loop().time() * 1000, samples))


class BrowserClient(SocketClient):
    """What @pipecat-ai/websocket-transport puts on the wire."""

    sample_rate = 24_000

    def __init__(self, microphone_rate: int = 16_000) -> None:
        super().__init__()
        self.microphone_rate = microphone_rate
        self.texts: list[str] = []
        """What came as text frames."""

    async def say(self, samples: Int16) -> None:
        await self.socket.send(encode_audio(samples.tobytes(), self.microphone_rate))

    async def send(self, message: str) -> None:
        await self.socket.send(encode_message(message))

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self.texts.append(data)
            return
        frame = decode(data)
        if isinstance(frame, MessageFrame):
            self.messages.append(frame.text)
        else:
            assert isinstance(frame, AudioFrame)
            assert (frame.sample_rate, frame.channels) == (24_000, 1)
            self._hear(np.frombuffer(frame.pcm, "<i2").astype(np.int16))
