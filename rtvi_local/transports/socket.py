"""What all transports over a WebSocket share: reading until the end, an outbox, sound in and out, and one good-bye."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any, ClassVar, Protocol, Union

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.talkspurts import Talkspurts
from rtvi_local.transports.inbound_pcm import InboundPcm
from rtvi_local.transports.interface import Listener
from rtvi_local.transports.outbox import Outbox
from rtvi_local.transports.pictures import Blind

Data = Union[str, bytes]
logger = logging.getLogger(__name__)

GOING_AWAY, TRY_AGAIN_LATER = 1000, 1013
"""Close codes (RFC 6455 §7.4.1 and its registry): the conversation is over; there is no room now."""
MOST_REASON_BYTES = 123
"""In a close frame (RFC 6455 §5.5)."""
_FLUSH_S = 0.5
_GOODBYE_S = 0.5
"""How long it may take to hear from a client that could not be sent to any more that it has left."""
_SERVER_STOPS, _KEEPALIVE_FAILED = 1012, 1011
_ENDINGS = {
    _SERVER_STOPS: "the server is stopping",
    _KEEPALIVE_FAILED: "the connection was lost",
    1009: "the client sent a message that is too large",
}

_RESTING_FRAMES = 4
"""Of lasting silence, which are all left out: there is no need to wake up for each."""


class Connection(Protocol):
    """An accepted WebSocket; Starlette's is one."""

    async def receive(self) -> MutableMapping[str, Any]:
        """The next ASGI event: `websocket.receive` with `text` or `bytes`, or `websocket.disconnect`."""
        ...

    async def send_text(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class SocketTransport(Blind):
    """A Transport (see transports.interface) over one WebSocket. Subclasses say what is on the wire. `attach` a listener, then
    `run` until the end."""

    output_sample_rate: int
    name: ClassVar[str]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None
        self._inbound = InboundPcm(self._hear, self._loop)
        self._spurts = Talkspurts(self.output_sample_rate)
        self._outbox = Outbox(self._send, self._on_broken)
        self._closing: asyncio.Task[None] | None = None
        self._closing_reason = ""
        self._broken = asyncio.Event()
        self._why_broken = ""
        self._ended = False
        self.messages_received = self.messages_sent = 0

    # --- what a conversation calls ---------------------------------------------------------------------------------------

    @property
    def unsent_frames(self) -> int:
        return _RESTING_FRAMES if self._spurts.lasts else 0

    def send_audio(self, samples: Int16) -> None:
        spoken = None if self._ended else self._spurts.push(samples)
        if spoken is not None:
            self._put_audio(spoken)

    def clear_audio(self) -> None:
        self._outbox.clear_audio()

    def send_message(self, text: str) -> None:
        raise NotImplementedError

    async def close(self, reason: str) -> None:
        if self._closing is None:
            self._closing_reason = self._closing_reason or reason
            self._closing = self._loop.create_task(self._close(reason))
        await asyncio.shield(self._closing)

    # --- what the server calls -------------------------------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        """Deliver to this listener from now on."""
        self._listener = listener

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def statistics(self) -> dict[str, int]:
        """Counters since the connection began, for metrics."""
        return {
            "audio_frames_dropped": self._outbox.dropped_audio_frames,
            "messages_received": self.messages_received,
            "messages_sent": self.messages_sent,
        }

    async def run(self) -> None:
        """Read and deliver until either side hangs up. The listener has been told of the end when this returns."""
        reading = self._loop.create_task(self._read_all())
        broken = self._loop.create_task(self._broken.wait())
        try:
            await asyncio.wait({reading, broken}, return_when=asyncio.FIRST_COMPLETED)
            if not self._ended:
                await asyncio.wait({reading}, timeout=_GOODBYE_S)
            reason = reading.result() if reading.done() else self._why_broken
        finally:
            for task in (reading, broken):
                task.cancel()
            await asyncio.gather(reading, broken, return_exceptions=True)
        self._end(reason)
        await self.close(self._closing_reason)

    async def abandon(self) -> None:
        """There will be no conversation: let go of everything but the connection."""
        self._inbound.close()
        await self._outbox.close(0.0)

    # --- what subclasses say ---------------------------------------------------------------------------------------------

    def _encode_audio(self, samples: Int16) -> Data:
        raise NotImplementedError

    def _receive(self, data: Data) -> None:
        """Take what the client sent. Whatever it is, it must not raise."""
        raise NotImplementedError

    def _put_audio(self, samples: Int16) -> None:
        self._outbox.put_audio(self._encode_audio(samples))

    # --- inside ----------------------------------------------------------------------------------------------------------

    async def _read_all(self) -> str:
        while True:
            event = await self._connection.receive()
            if event["type"] == "websocket.disconnect":
                return _ENDINGS.get(event.get("code", 0), "the client left")
            data = event.get("text") if event.get("text") is not None else event.get("bytes")
            if data is not None and not self._ended:
                self._receive(data)

    async def _send(self, data: Data) -> None:
        if isinstance(data, str):
            await self._connection.send_text(data)
        else:
            await self._connection.send_bytes(data)

    def _on_broken(self, why: str) -> None:
        """Who sends learns only that the client is gone; who reads learns it as soon, and whether it said good-bye."""
        self._why_broken = why
        self._broken.set()

    def _hear(self, samples: Int16, at_ms: float) -> None:
        if self._listener is not None and not self._ended:
            self._listener.on_audio(samples, at_ms)

    def _deliver_message(self, text: str) -> None:
        self.messages_received += 1
        if self._listener is not None and not self._ended:
            self._listener.on_message(text)

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        # Our own good-bye comes back as the client's: its reason is ours.
        reason = self._closing_reason = self._closing_reason or reason
        self._inbound.close()
        self._broken.set()
        if self._listener is not None:
            self._listener.on_closed(reason)

    async def _close(self, reason: str) -> None:
        lost = self._broken.is_set()
        await self._outbox.close(0.0 if lost else _FLUSH_S)
        try:
            await asyncio.wait_for(self._connection.close(GOING_AWAY, short(reason)), _FLUSH_S)
        except Exception:  # each server has its own for a client that is gone already
            logger.debug("the connection was closed already", exc_info=True)
        self._end(reason)


def short(reason: str) -> str:
    """What of a reason fits into a close frame."""
    return reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore")
