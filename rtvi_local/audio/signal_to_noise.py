"""How far speech stands above what else is heard in a room, from nothing but how loud it was in the last seconds.

The quietest of these are pauses, in which only the room is heard; the loudest are speech. So the distance between the two says
how noisy the room is, whatever the microphone's gain, and without finding out what is speech.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from rtvi_local.audio.pcm import Int16, level_dbfs, to_float

_PIECES = 150
"""3 s of 20 ms: speech has pauses in so long a time."""
_FEWEST = 50
_SPEECH, _ROOM = 95, 10
"""Percentiles of the pieces' levels."""


class SignalToNoise:
    """Of one stream of audio, in pieces of about 20 ms."""

    def __init__(self) -> None:
        self._levels_dbfs: deque[float] = deque(maxlen=_PIECES)

    def push(self, samples: Int16) -> None:
        self._levels_dbfs.append(level_dbfs(to_float(samples)))

    @property
    def db(self) -> float:
        """As of a quiet room, infinite, before a second was heard. About 12 dB more than the power of a voice's words has over
        that of a crowd, for the latter has pauses, too, and the loudest of a word is louder than all of it."""
        if len(self._levels_dbfs) < _FEWEST:
            return math.inf
        speech, room = np.percentile(self._levels_dbfs, (_SPEECH, _ROOM))
        return float(speech - room)

    def reset(self) -> None:
        """Forget what came before."""
        self._levels_dbfs.clear()
