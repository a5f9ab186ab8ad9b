"""Datagrams on their way from aioice to aiortc: at once, or five at a time while nobody speaks, or nobody is listened to.

An idle client sends fifty packets a second, and a processor that is woken up for one finds nothing of this program in its
caches: to decrypt, parse and decode it then costs three times what it costs right after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Union

from aiortc import RTCRtpReceiver
from aiortc.rtp import is_rtcp

from rtvi_local.transports.webrtc_audio import Clock

RESTING_PACKETS = 5
"""How many are dealt with at once. The beginning of speech is noticed up to 80 ms later, and what it says of its time stays
true."""
LONGEST_WAIT_S = 0.12
"""The same where the fifth does not come: the client sends nothing in silence, or its network stalls."""
_STEADY_S = 0.06
"""What comes later than that after the one before comes from a client that sends nothing in silence: it may be a first word."""

Item = Union[tuple[bytes, int], None]
"""A datagram and its component, or None: the connection was lost."""


class Datagrams:
    """Takes the place of the queue in an aioice Connection, which has one reader."""

    def __init__(self, may_rest: Callable[[], bool], clock: Clock) -> None:
        """`may_rest`: whether media may wait. Everything else, messages and the keeping up of the connection, never does."""
        self._may_rest = may_rest
        self._clock = clock
        self._waiting: deque[tuple[Item, float]] = deque()
        self._due = 0
        """How many of those may be read now."""
        self._soon: asyncio.TimerHandle | None = None
        """While there are others."""
        self._reader: asyncio.Future[None] | None = None
        self._came_s = 0.0
        """The newest."""
        self._read_s = 0.0
        """When the one that was read last came."""

    def put_nowait(self, item: Item) -> None:
        """aioice has received something."""
        now_s = self._clock.time()
        is_steady = now_s - self._came_s < _STEADY_S
        self._came_s = now_s
        self._waiting.append((item, now_s))
        may_wait = len(self._waiting) < RESTING_PACKETS and is_steady and item is not None and _is_rtp(item[0])
        if may_wait and self._may_rest():
            self._soon = self._soon or self._clock.call_later(LONGEST_WAIT_S, self._let_through)
        else:
            self._let_through()

    def _let_through(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._due = len(self._waiting)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Item:
        """What comes next for aiortc."""
        while not self._due:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        self._due -= 1
        item, self._read_s = self._waiting.popleft()
        return item

    def arrived_ms(self) -> float:
        """When the datagram came that aiortc is dealing with: it reads the next one only afterwards."""
        return self._read_s * 1000


def _is_rtp(data: bytes) -> bool:
    """By its first bytes (RFC 7983, RFC 5761)."""
    return 127 < data[0] < 192 and not is_rtcp(data)


def pass_through(receiver: RTCRtpReceiver, datagrams: Datagrams) -> None:
    """Let all that comes on a receiver's transport go through `datagrams`, before it is connected.

    Raises RuntimeError if this aioice is not the one that is known here."""
    connection: Any = receiver.transport.transport._connection
    if not hasattr(connection, "_queue"):
        raise RuntimeError("this aioice keeps its queue elsewhere; install the version that rtvi-local asks for")
    connection._queue = datagrams
