"""The data channel: RTVI messages both ways, liveness, and the little signalling that rides along."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCDataChannel

from rtvi_local.transports.message_gate import MessageGate
from rtvi_local.transports.signalling import Message, Ping, TrackStatus, classify, signal

logger = logging.getLogger(__name__)

QUEUED_MESSAGES = 256
"""Kept until the channel opens; clients open it within a second, and some never do."""
_MAX_BUFFERED_BYTES = 1 << 20
"""What may wait for a client that stopped reading, before messages to it are dropped."""
FLUSH_S = 0.1


@dataclass(slots=True)
class ChannelStatistics:
    received: int = 0
    sent: int = 0
    refused: int = 0
    """Received, but too large, too many or no text."""
    dropped: int = 0
    """Not sent: too large, or the client does not read."""


class Channel:
    """One client's messages, over whichever data channel it opened last (any label; each reconnection brings a new one)."""

    def __init__(
        self,
        *,
        max_message_bytes: int,
        on_message: Callable[[str], None],
        on_track_status: Callable[[TrackStatus], None],
        clock: Callable[[], float],
    ) -> None:
        self._max_message_bytes = max_message_bytes
        self._on_message = on_message
        self._on_track_status = on_track_status
        self._clock = clock
        self._channel: RTCDataChannel | None = None
        self._queue: deque[str] = deque(maxlen=QUEUED_MESSAGES)
        self._gate = MessageGate(max_message_bytes, self.send, clock)
        self.last_ping_s: float | None = None
        self._statistics = ChannelStatistics()

    @property
    def statistics(self) -> ChannelStatistics:
        self._statistics.refused = self._gate.refused
        return self._statistics

    def attach(self, channel: RTCDataChannel) -> None:
        """Use this channel from now on."""
        self._channel = channel
        channel.on("message", self._receive)
        channel.on("open", self._flush)
        # aiortc announces a client's channel when it is open already; no `open` event follows.
        self._flush()

    def send(self, text: str) -> None:
        """Send, or keep until the channel is open."""
        if len(text) > self._max_message_bytes or len(text.encode()) > self._max_message_bytes:
            self.statistics.dropped += 1
            logger.warning("a message of %d characters is too large to send and was dropped", len(text))
        elif self._channel is None or self._channel.readyState == "connecting":
            self._queue.append(text)
        else:
            self._send_now(text)

    async def leave(self) -> None:
        """Tell the client that the bot is gone, and give that, and all before it, a moment to arrive."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        self._send_now(signal("peerLeft"))
        # aiortc counts a message as sent when it has been handed to SCTP, which may still have to send it: wait the whole time.
        await asyncio.sleep(FLUSH_S)

    def _flush(self) -> None:
        while self._queue and self._channel is not None and self._channel.readyState == "open":
            self._send_now(self._queue.popleft())

    def _send_now(self, text: str) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > _MAX_BUFFERED_BYTES:
            self.statistics.dropped += 1
            return
        try:
            channel.send(text)
        except ConnectionError:
            # The transport below closed before the channel heard of it.
            self.statistics.dropped += 1
            return
        self.statistics.sent += 1

    def _receive(self, data: str | bytes) -> None:
        if not self._gate.admits(data):
            return
        received = classify(data)
        if received is None:
            self._gate.refuse("message is not text")
            return
        self._gate.admitted()
        if isinstance(received, Ping):
            self.last_ping_s = self._clock()
        elif isinstance(received, TrackStatus):
            self._on_track_status(received)
        elif isinstance(received, Message):
            self.statistics.received += 1
            self._on_message(received.text)
