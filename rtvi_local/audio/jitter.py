"""An RTP jitter buffer for a listener that is a program.

A person needs packets at an even pace, so a buffer for people delays everything by its depth. Nobody here listens in real
time: what is in order is handed on the moment it arrives, however unevenly, and only a hole in the sequence makes later packets
wait, for as long as reordering has lately been seen to take. After a loss the delay is back to nothing.

Pure: no clock, no decoder. Sequence numbers and timestamps are RTP's (RFC 3550), 16 and 32 bits, wrapping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

MAX_MISORDER_PACKETS = 100
"""A packet further behind than this belongs to a sender that began anew (RFC 3550 appendix A.1, MAX_MISORDER)."""
MAX_JUMP_PACKETS = 500
"""A packet further ahead than this (10 s at 20 ms) likewise."""
CAPACITY_PACKETS = 32
"""Packets that may wait behind a hole; more than that and the hole is given up at once."""

_MIN_WAIT_MS = 10.0
_FIRST_WAIT_MS = 20.0
_MAX_WAIT_MS = 80.0
_WAIT_MARGIN_MS = 5.0
_CALM_PACKETS = 500
_REMEMBERED_HOLES = 64


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet in its turn."""

    payload: bytes
    samples: int
    arrived_ms: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """Packets that did not come in time: so many samples are to be concealed."""

    samples: int
    arrived_ms: float = field(default=0.0, compare=False)
    """Of the packet behind them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The sender sent nothing for so many samples (discontinuous transmission, a muted microphone): silence."""

    samples: int
    arrived_ms: float = field(default=0.0, compare=False)
    """Of the packet behind it."""


Piece = Union[Packet, Lost, Gap]


@dataclass(slots=True)
class JitterStatistics:
    received: int = 0
    lost: int = 0
    late: int = 0
    """Came after their place had been given up; counted in `lost` too."""
    duplicate: int = 0
    reordered: int = 0
    """Came late, but in time to be put in their place."""


@dataclass(frozen=True, slots=True)
class _Held:
    payload: bytes
    samples: int
    timestamp: int
    arrived_ms: float


@dataclass(slots=True)
class JitterBuffer:
    """Give it packets as they arrive, and it returns what can be decoded now, in order. When `deadline_ms` is not None, call
    `expire` at that time."""

    statistics: JitterStatistics = field(default_factory=JitterStatistics)
    wait_ms: float = _FIRST_WAIT_MS
    """How long a hole is waited for; follows the reordering that is seen."""
    _next: int | None = None
    """The sequence number that is due, counted on beyond 16 bits."""
    _next_timestamp: int = 0
    _held: dict[int, _Held] = field(default_factory=dict)
    _hole_since_ms: float | None = None
    _given_up: dict[int, float] = field(default_factory=dict)
    _calm: int = 0

    @property
    def deadline_ms(self) -> float | None:
        """When the hole that is being waited for is to be given up."""
        return None if self._hole_since_ms is None else self._hole_since_ms + self.wait_ms

    def add(self, sequence_number: int, timestamp: int, payload: bytes, samples: int, now_ms: float) -> list[Piece]:
        """Take a packet that holds `samples` samples (of the RTP clock); return what is in order now."""
        self.statistics.received += 1
        if self._next is None:
            self._start(sequence_number, timestamp)
        assert self._next is not None
        delta = _signed(sequence_number - self._next, 16)
        if -MAX_MISORDER_PACKETS < delta < 0:
            self._late(self._next + delta, now_ms)
            return []
        pieces: list[Piece] = []
        if delta < 0 or delta > MAX_JUMP_PACKETS:
            pieces = self._flush()
            self._start(sequence_number, timestamp)
            delta = 0
        index = self._next + delta
        if index in self._held:
            self.statistics.duplicate += 1
            return pieces
        if self._held and index < max(self._held):
            self.statistics.reordered += 1
        self._held[index] = _Held(payload, samples, timestamp, now_ms)
        self._adapt()
        return pieces + self._release(now_ms)

    def expire(self, now_ms: float) -> list[Piece]:
        """Give up a hole that has been waited for long enough; return what is in order now."""
        return self._release(now_ms)

    def _start(self, sequence_number: int, timestamp: int) -> None:
        self._next = sequence_number
        self._next_timestamp = timestamp
        self._hole_since_ms = None
        self._given_up.clear()

    def _release(self, now_ms: float) -> list[Piece]:
        assert self._next is not None
        pieces: list[Piece] = []
        while self._held:
            if self._next not in self._held:
                if self._hole_since_ms is None:
                    self._hole_since_ms = now_ms
                if now_ms < self._hole_since_ms + self.wait_ms and len(self._held) < CAPACITY_PACKETS:
                    return pieces
                pieces += self._give_up()
            self._hole_since_ms = None
            pieces += self._take()
        return pieces

    def _take(self) -> list[Piece]:
        assert self._next is not None
        held = self._held.pop(self._next)
        gap = _signed(held.timestamp - self._next_timestamp, 32)
        self._next += 1
        self._next_timestamp = held.timestamp + held.samples
        packet = Packet(held.payload, held.samples, held.arrived_ms)
        return [Gap(gap, held.arrived_ms), packet] if gap > 0 else [packet]

    def _give_up(self) -> list[Piece]:
        assert self._next is not None
        first = min(self._held)
        missing = _signed(self._held[first].timestamp - self._next_timestamp, 32)
        self.statistics.lost += first - self._next
        for index in range(self._next, first):
            self._given_up[index] = self._hole_since_ms or 0.0
        while len(self._given_up) > _REMEMBERED_HOLES:
            self._given_up.pop(next(iter(self._given_up)))
        self._next = first
        self._next_timestamp = self._held[first].timestamp
        self._calm = 0
        return [Lost(missing, self._held[first].arrived_ms)] if missing > 0 else []

    def _flush(self) -> list[Piece]:
        pieces: list[Piece] = []
        while self._held:
            if self._next not in self._held:
                pieces += self._give_up()
            pieces += self._take()
        return pieces

    def _late(self, index: int, now_ms: float) -> None:
        hole_since_ms = self._given_up.pop(index, None)
        if hole_since_ms is None:
            self.statistics.duplicate += 1
            return
        self.statistics.late += 1
        self._calm = 0
        self.wait_ms = min(_MAX_WAIT_MS, max(self.wait_ms, now_ms - hole_since_ms + _WAIT_MARGIN_MS))

    def _adapt(self) -> None:
        self._calm += 1
        if self._calm >= _CALM_PACKETS:
            self._calm = 0
            self.wait_ms = max(_MIN_WAIT_MS, self.wait_ms * 0.8)


def _signed(difference: int, bits: int) -> int:
    """A difference of two wrapping counters, as the nearest of its readings."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half
