"""What every transport has to do, whatever is on its wire: the same clients' acts, in front of three implementations,
one of them with each telephone provider."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config
from rtvi_local.pipeline.frames import Frame
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.app import create_app
from rtvi_local.transports.interface import Transport
from rtvi_local.transports.webrtc import WebRtcOptions, WebRtcTransport
from rtvi_local.transports.webrtc_peer import PeerOptions
from tests.server.live import live
from tests.transports.clients import BrowserClient
from tests.transports.phones import WIRES, Phone
from tests.until import until


class Listener:
    """Notes what it is told."""

    is_asleep = False

    def __init__(self) -> None:
        self.audio: list[tuple[float, Int16]] = []
        self.messages: list[str] = []
        self.closed: list[str] = []

    def on_audio(self, samples: Int16, at_ms: float) -> None:
        self.audio.append((at_ms, samples))

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)

    def observe_with(self, observer: Callable[[Frame], None]) -> None:
        """Nothing happens behind it."""


class Line(Protocol):
    """A client that is connected, and the transport on the other end."""

    transport: Transport
    listener: Listener
    microphone_rate: int
    hearing_rate: int
    messages: list[str] | None
    """What the client was sent; None where there are only voices."""

    @property
    def heard(self) -> list[tuple[float, Int16]]: ...

    async def say(self, samples: Int16) -> None: ...

    async def send(self, message: str) -> None: ...

    async def hang_up(self) -> None: ...


class _Appliance:
    conversations = 0

    def __init__(self) -> None:
        self.files = FileRules()
        self.opened: list[tuple[Transport, Listener, dict[str, Any]]] = []

    def is_idle(self) -> bool:
        return False

    def is_answering(self) -> bool:
        return False

    def ready(self) -> Sequence[str]:
        return ()

    def check(self, request_data: dict[str, Any]) -> None:
        """Anything will do."""

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Listener:
        listener = Listener()
        self.opened.append((transport, listener, request_data))
        return listener


class SocketLine:
    def __init__(self, client: BrowserClient | Phone, transport: Transport, listener: Listener) -> None:
        self.client = client
        self.transport = transport
        self.listener = listener
        self.microphone_rate = client.microphone_rate
        self.hearing_rate = client.sample_rate
        self.messages = client.messages if isinstance(client, BrowserClient) else None

    @property
    def heard(self) -> list[tuple[float, Int16]]:
        return self.client.heard

    async def say(self, samples: Int16) -> None:
        await self.client.say(samples)

    async def send(self, message: str) -> None:
        await self.client.send(message)

    async def hang_up(self) -> None:
        await self.client.hang_up()


class WebRtcLine:
    microphone_rate = 48_000
    hearing_rate = 16_000
    """The client's own decoder resamples."""

    def __init__(self) -> None:
        self.listener = Listener()
        options = WebRtcOptions(PeerOptions(addresses=("127.0.0.1",)), max_message_bytes=4096)
        self.webrtc = WebRtcTransport("pc", options, on_ended=lambda transport: None)
        self.webrtc.attach(self.listener)
        self.transport: Transport = self.webrtc
        self.heard: list[tuple[float, Int16]] = []
        self.messages: list[str] | None = []
        self.client = WebRtcClient(self._offer, on_audio=self._hear, on_message=self.messages.append)

    async def _offer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        sdp = await self.webrtc.negotiate(body["sdp"], restart=body["restart_pc"])
        return {"sdp": sdp, "type": "answer", "pc_id": "pc"}

    def _hear(self, samples: Int16, at_ms: float) -> None:
        self.heard.append((at_ms, samples))

    async def say(self, samples: Int16) -> None:
        self.client.send_audio(samples)

    async def send(self, message: str) -> None:
        self.client.send(message)

    async def hang_up(self) -> None:
        await self.client.close()


@contextlib.asynccontextmanager
async def webrtc() -> AsyncIterator[Line]:
    line = WebRtcLine()
    await line.client.connect()
    try:
        yield line
    finally:
        await line.client.close()
        await line.transport.close("the test is over")


@contextlib.asynccontextmanager
async def websocket() -> AsyncIterator[Line]:
    async with _over_socket(BrowserClient(), "/ws-client") as line:
        yield line


@contextlib.asynccontextmanager
async def telephony(provider: str = "twilio") -> AsyncIterator[Line]:
    async with _over_socket(Phone(provider), "/ws") as line:
        yield line


@contextlib.asynccontextmanager
async def _over_socket(client: BrowserClient | Phone, path: str) -> AsyncIterator[SocketLine]:
    appliance = _Appliance()
    config = Config()
    async with live(create_app(config, appliance), config) as host:
        await client.open(f"ws://{host}{path}")
        try:
            await until(lambda: appliance.opened)
            transport, listener, _ = appliance.opened[0]
            yield SocketLine(client, transport, listener)
        finally:
            await client.hang_up()


LINES: dict[str, Callable[[], contextlib.AbstractAsyncContextManager[Line]]] = {
    "webrtc": webrtc,
    "websocket": websocket,
    **{provider: partial(telephony, provider) for provider in WIRES},
}


def run(scenario: Callable[[], Awaitable[None]], timeout_s: float = 90.0) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(asyncio.ensure_future(scenario()), timeout_s)

    asyncio.run(bounded())


def tone(rate: int, duration_ms: int, *, hertz: float = 500.0) -> Int16:
    samples: Int16 = (8000 * np.sin(2 * np.pi * hertz / rate * np.arange(rate * duration_ms // 1000))).astype(np.int16)
    return samples


async def in_real_time(send: Callable[[Int16], Awaitable[None]], samples: Int16, rate: int) -> None:
    """20 ms at a time, at the pace of a microphone or a speaker."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    for start in range(0, samples.size, rate // 50):
        await send(samples[start : start + rate // 50])
        due_s += 0.02
        await asyncio.sleep(max(0.0, due_s - loop.time()))


def pitch_hz(pieces: Sequence[Int16], rate: int) -> float:
    samples = np.concatenate(list(pieces)).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * rate / samples.size


def loud(samples: Int16) -> bool:
    return bool(samples.size) and int(np.abs(samples.astype(np.int32)).max()) > 3000
