"""Sound that comes as PCM over a reliable connection: resampled, timed, limited, and never silent without saying so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler

LISTENING_SAMPLE_RATE = 16_000
LEAST_SAMPLE_RATE, MOST_SAMPLE_RATE = 8_000, 48_000
_PIECE_SAMPLES = 320
"""20 ms."""
STARVED_MS = 300.0
"""Without sound for so long, silence is made up, so that a microphone that was switched off ends the turn. A lost TCP segment
is sent again after 200 ms."""
STARVATION_ENDS_MS = 10_000.0
"""After so much made-up silence every turn is over, and computing on it would be waste."""
_BURST_S = 30.0
"""Clients keep what the microphone records while they connect, and send it all at once."""
_FASTER_THAN_TIME = 1.1
"""Clocks differ, a little."""


class Clock(Protocol):
    """The part of an event loop that is needed here."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle: ...


class InboundPcm:
    """`push` what comes; `deliver` gets 16 kHz mono in pieces of at most 20 ms, and when each piece's last sample arrived."""

    def __init__(self, deliver: Callable[[Int16, float], None], clock: Clock) -> None:
        self._deliver = deliver
        self._clock = clock
        self._rate = 0
        self._resampler = Resampler(LISTENING_SAMPLE_RATE, LISTENING_SAMPLE_RATE)
        self._allowance_s = _BURST_S
        self._last_ms = clock.time() * 1000
        self._delivered_ms = self._last_ms
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False
        self.received_samples = 0
        self.dropped_samples = 0
        """What came faster than anybody speaks."""

    def push(self, samples: Int16, sample_rate: int) -> None:
        """Mono, at a rate from 8 to 48 kHz, which may change at any time. Raises ValueError for another rate."""
        if not LEAST_SAMPLE_RATE <= sample_rate <= MOST_SAMPLE_RATE:
            raise ValueError(f"sound at {sample_rate} Hz is not understood; {LEAST_SAMPLE_RATE} to {MOST_SAMPLE_RATE} are")
        if self._closed or not samples.size:
            return
        now_ms = self._clock.time() * 1000
        self._allowance_s = min(_BURST_S, self._allowance_s + (now_ms - self._last_ms) / 1000 * _FASTER_THAN_TIME)
        self._last_ms = now_ms
        self._arm()
        if samples.size / sample_rate > self._allowance_s:
            self.dropped_samples += samples.size
            return
        self._allowance_s -= samples.size / sample_rate
        self.received_samples += samples.size
        if sample_rate != self._rate:
            self._rate = sample_rate
            self._resampler = Resampler(sample_rate, LISTENING_SAMPLE_RATE)
        self._emit(self._resampler.push(samples), now_ms)

    def close(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()

    def _emit(self, samples: Int16, now_ms: float) -> None:
        for start in range(0, samples.size, _PIECE_SAMPLES):
            piece = samples[start : start + _PIECE_SAMPLES]
            later_ms = (samples.size - start - piece.size) * 1000 / LISTENING_SAMPLE_RATE
            # Never back in time: what was held up and then comes at once would otherwise be older than what came before.
            self._delivered_ms = max(self._delivered_ms, now_ms - later_ms)
            self._deliver(piece, self._delivered_ms)

    def _arm(self) -> None:
        if self._watch is None:
            self._watch = self._clock.call_later(STARVED_MS / 1000, self._check_starvation)

    def _check_starvation(self) -> None:
        self._watch = None
        now_ms = self._clock.time() * 1000
        quiet_ms = now_ms - self._last_ms
        if quiet_ms < STARVED_MS:
            self._watch = self._clock.call_later((STARVED_MS - quiet_ms) / 1000, self._check_starvation)
        elif quiet_ms <= STARVATION_ENDS_MS and not self._closed:
            due = int((now_ms - self._delivered_ms) * LISTENING_SAMPLE_RATE / 1000)
            self._emit(np.zeros(max(0, due), np.int16), now_ms)
            self._watch = self._clock.call_later(0.02, self._check_starvation)
