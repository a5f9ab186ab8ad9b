"""The first sign that somebody may have finished: the sound drops. Pure.

The voice activity detector knows speech from noise, but it trails the end of speech by 50 to 60 ms and takes 32 ms at a time.
What the level says is less sure (the closure of a "t" is a lull too, and in noise there may be none), and 100 ms sooner:
enough to begin work on, not to decide anything by.
"""

from __future__ import annotations

from rtvi_local.audio.pcm import SILENCE_DBFS, Float32, level_dbfs

DROP_DB = 20.0
"""Below the loudest of the last second or so. Vowels differ by less, and rooms' noise is mostly further down."""
LULL_MS = 60.0
"""Most closures within words are shorter."""
FORGETTING_DB_PER_S = 10.0
"""So that one shout does not make everything after it a lull."""


class Lull:
    """Feed it the microphone's audio in the pieces that it comes in."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._loudest_dbfs = SILENCE_DBFS
        self._quiet_ms = 0.0

    def push(self, samples: Float32) -> bool:
        """Whether the sound dropped `LULL_MS` ago, and just now that became known: true once for every drop."""
        duration_ms = samples.size / self._sample_rate * 1000
        level = level_dbfs(samples)
        self._loudest_dbfs = max(level, self._loudest_dbfs - FORGETTING_DB_PER_S * duration_ms / 1000)
        if level > self._loudest_dbfs - DROP_DB:
            self._quiet_ms = 0.0
            return False
        before, self._quiet_ms = self._quiet_ms, self._quiet_ms + duration_ms
        return before < LULL_MS <= self._quiet_ms
