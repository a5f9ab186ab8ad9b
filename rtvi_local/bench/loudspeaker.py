"""A loudspeaker beside a caller's microphone: what the bot says comes back, late, through a room, with nobody cancelling it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE
from rtvi_local.bench.caller import Arrival, Int16
from rtvi_local.bench.rooms import echoing
from rtvi_local.bench.speech import resampled
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE

SHRINKS_MS = 0.2
"""For each packet (1 % of its time)."""


class Loudspeaker:
    """Plays a caller's `arrivals`; `heard` is what of it the microphone takes in."""

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        *,
        gain_db: float,
        delay_ms: float,
        reverberation_s: float = 0.3,
        direct_db: float = 6.0,
    ) -> None:
        """The echo is `gain_db` louder than what was sent (so mostly negative), and `delay_ms` later than it arrived."""
        self._arrivals = arrivals
        self._delay_ms = delay_ms
        response = _response(reverberation_s, direct_db) * 10 ** (gain_db / 20)
        self._tail_samples = response.size - response.size % FRAME_SAMPLES
        self._size = 1 << (response.size + self._tail_samples + FRAME_SAMPLES).bit_length()
        self._response = np.fft.rfft(response, self._size)
        self._first = self._known = 0
        """Packets that are over, and packets that have been looked at."""
        self._offset_ms = float("-inf")
        """From a packet's stamp to its playing. As in a browser's buffer it grows when a packet is late, and shrinks slowly."""

    def heard(self, until_ms: float) -> Int16:
        """The 20 ms of 48 kHz audio that end at that time of the caller's clock."""
        span = self._tail_samples + FRAME_SAMPLES
        played = np.zeros(span, np.float32)
        for arrival in self._arrivals[self._known :]:
            self._offset_ms = max(self._offset_ms - SHRINKS_MS, arrival.at_ms - arrival.stamp_ms)
        self._known = len(self._arrivals)
        for number in range(self._first, self._known):
            arrival = self._arrivals[number]
            begin = span - round((until_ms - self._delay_ms - self._offset_ms - arrival.stamp_ms) * SAMPLE_RATE / 1000)
            if begin + arrival.samples.size <= 0:
                self._first = number + 1
                continue
            inside = slice(max(begin, 0), min(begin + arrival.samples.size, span))
            if inside.start < inside.stop:
                played[inside] = arrival.samples[inside.start - begin : inside.stop - begin]
        if not played.any():
            return np.zeros(FRAME_SAMPLES, np.int16)
        echo = np.fft.irfft(np.fft.rfft(played, self._size) * self._response, self._size)[self._tail_samples : span]
        return np.clip(echo, -32768, 32767).astype(np.int16)


def _response(reverberation_s: float, direct_db: float) -> npt.NDArray[np.float64]:
    """The room's, at 48 kHz, of the energy of a click."""
    click = np.zeros(int(reverberation_s * LISTENING_SAMPLE_RATE), np.float32)
    click[0] = 0.25
    response = echoing(click, reverberation_s, direct_db)
    at_48 = resampled((response * 32767).astype(np.int16), LISTENING_SAMPLE_RATE, SAMPLE_RATE).astype(np.float64)
    return np.asarray(at_48 / np.sqrt(np.sum(at_48**2)))
