"""How loud something is, several times a second, for a client that shows it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rtvi_local.audio.pcm import Int16, level_dbfs, to_float

PERIOD_S = 0.15
_QUIETEST_DBFS = -60.0


class LevelMeter:
    """Of one direction of a conversation."""

    def __init__(self, sample_rate: int, tell: Callable[[float], None]) -> None:
        """`tell` gets a level from 0 (-60 dBFS and below) to 1 (full scale), linear in dB, of each 150 ms of sound; of silence
        that goes on, only the first."""
        self._period_samples = round(sample_rate * PERIOD_S)
        self._tell = tell
        self._told = 0.0
        self._pieces: list[Int16] = []

    def push(self, samples: Int16) -> None:
        self._pieces.append(samples)
        if sum(piece.size for piece in self._pieces) < self._period_samples:
            return
        heard_dbfs = level_dbfs(to_float(np.concatenate(self._pieces)))
        self._pieces.clear()
        level = round(max(0.0, 1 - heard_dbfs / _QUIETEST_DBFS), 3)
        if level or self._told:
            self._tell(level)
        self._told = level
