"""A loudspeaker beside a caller's microphone: what the bot says comes back, late, through a room, with nobody cancelling it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE
from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.rooms import echoing
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE

BUFFERED_MS = 20.0
"""What waits in a client's buffer, if nothing is late."""
HURRIES = 0.01
"""Faster than it was sent it is played, while more than that waits."""
_LONGEST_PERIOD, _SHORTEST_PERIOD = SAMPLE_RATE // 70, SAMPLE_RATE // 350
_FADES = 0.8
"""Of what is made up, in each frame."""


class Playout:
    """A client's receive buffer, as simple as one can be: a packet that is late is filled in for by the sound before it, and
    everything after it is played later, until a slightly faster playing has made up for that."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self._arrivals = arrivals
        self._known = 0
        self._waiting = np.zeros(0, np.float32)
        self._begins_ms: float | None = None
        """When what waits is begun with, if it is not being played."""
        self._ends_stamp_ms: float | None = None
        self._last = np.zeros(4 * FRAME_SAMPLES, np.float32)
        self._gain = 1.0
        self._filled_in = 0
        """Samples that were made up for what is late."""

    def frame(self, until_ms: float) -> npt.NDArray[np.float32]:
        """The 20 ms that are played up to then."""
        self._take(until_ms)
        if self._begins_ms is not None and until_ms < self._begins_ms:
            return self._played(np.zeros(FRAME_SAMPLES, np.float32))
        if self._waiting.size:
            self._begins_ms = None
        hurries = self._waiting.size > BUFFERED_MS * SAMPLE_RATE / 1000 + FRAME_SAMPLES
        size = round(FRAME_SAMPLES * (1 + HURRIES)) if hurries else FRAME_SAMPLES
        now, self._waiting = self._waiting[:size], self._waiting[size:]
        if now.size == size:
            self._gain = 1.0
            stretched = np.interp(np.linspace(0, size - 1, FRAME_SAMPLES), np.arange(size), now) if hurries else now
            return self._played(np.asarray(stretched, np.float32))
        self._gain *= _FADES
        missing = FRAME_SAMPLES - now.size
        self._filled_in += missing
        return self._played(np.concatenate([now, self._made_up(missing, now)]))

    def _take(self, until_ms: float) -> None:
        while self._known < len(self._arrivals) and self._arrivals[self._known].at_ms <= until_ms:
            arrival = self._arrivals[self._known]
            self._known += 1
            if self._ends_stamp_ms is None or arrival.stamp_ms > self._ends_stamp_ms + 1:
                # A new stretch of sound: what was between them was silence that was not sent.
                self._begins_ms = arrival.at_ms + BUFFERED_MS
                self._filled_in = 0
            self._ends_stamp_ms = arrival.stamp_ms + 1000 * FRAME_SAMPLES / SAMPLE_RATE
            if arrival.audible:
                self._filled_in = 0
            elif self._filled_in >= FRAME_SAMPLES:
                self._filled_in -= FRAME_SAMPLES
                continue  # silence that comes late: while it lasted, silence was played
            self._waiting = np.concatenate([self._waiting, arrival.samples.astype(np.float32)])

    def _made_up(self, size: int, now: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The last period of the sound, over and over."""
        before = np.concatenate([self._last, now])
        end = before[-_LONGEST_PERIOD:]
        if not end.any() or self._gain < 0.1:
            return np.zeros(size, np.float32)
        lags = range(_SHORTEST_PERIOD, _LONGEST_PERIOD)
        likeness = [float(end @ before[-_LONGEST_PERIOD - lag : before.size - lag]) for lag in lags]
        period = before[-lags[int(np.argmax(likeness))] :]
        return np.asarray(np.resize(period, size) * self._gain, np.float32)

    def _played(self, frame: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self._last = np.concatenate([self._last, frame])[-self._last.size :]
        return frame


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
        """The echo is `gain_db` louder than what was sent (so mostly negative), and `delay_ms` later than it is played."""
        self._playout = Playout(arrivals)
        self._delay_ms = delay_ms
        response = _response(reverberation_s, direct_db) * 10 ** (gain_db / 20)
        tail = response.size - response.size % FRAME_SAMPLES
        self._sounding = np.zeros(tail + FRAME_SAMPLES, np.float32)
        """What was played lately, and may still be heard."""
        self._size = 1 << (response.size + self._sounding.size).bit_length()
        self._response = np.fft.rfft(response, self._size)

    def heard(self, until_ms: float) -> Int16:
        """The next 20 ms of 48 kHz audio, which end at that time of the caller's clock."""
        frame = self._playout.frame(until_ms - self._delay_ms)
        self._sounding = np.concatenate([self._sounding[FRAME_SAMPLES:], frame])
        if not self._sounding.any():
            return np.zeros(FRAME_SAMPLES, np.int16)
        echo = np.fft.irfft(np.fft.rfft(self._sounding, self._size) * self._response, self._size)
        return np.clip(echo[self._sounding.size - FRAME_SAMPLES : self._sounding.size], -32768, 32767).astype(np.int16)


def _response(reverberation_s: float, direct_db: float) -> npt.NDArray[np.float64]:
    """The room's, at 48 kHz, of the energy of a click."""
    click = np.zeros(int(reverberation_s * LISTENING_SAMPLE_RATE), np.float32)
    click[0] = 0.25
    response = echoing(click, reverberation_s, direct_db)
    at_48 = resampled((response * 32767).astype(np.int16), LISTENING_SAMPLE_RATE, SAMPLE_RATE).astype(np.float64)
    return np.asarray(at_48 / np.sqrt(np.sum(at_48**2)))
