"""How far the loudest sounds of an utterance stand above the quietest. Pure.

Before the sounds of one voice nearby, and in its gaps, the room is heard. Where many voices are mixed there are no gaps, and
none of them stands out. Whisper hears words in that now and then, as likely as those that somebody said.
"""

from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import Float32, level_dbfs

_PIECE_S = 0.02
_LOUDEST, _QUIETEST = 98, 10
"""Percentiles of the pieces' levels. With the 95th, "Next." was lost behind two seconds of a crowd that had been taken for its
beginning."""
_SILENCE_DB = 30.0
"""So much below the loudest is no part of a sound that had not begun."""


def prominence_db(samples: Float32, sample_rate: int, *, since_first_sound: bool = False) -> float:
    """Of an utterance with what was heard just before it; infinite for less than 20 ms, of which nothing can be said.
    `since_first_sound`: without the silence before it, in which a crowd stands out as much as a person."""
    size = int(_PIECE_S * sample_rate)
    pieces = samples[: samples.size // size * size].reshape(-1, size)
    if not pieces.size:
        return float("inf")
    levels_dbfs = np.array([level_dbfs(piece) for piece in pieces])
    if since_first_sound:
        levels_dbfs = levels_dbfs[np.argmax(levels_dbfs > np.percentile(levels_dbfs, _LOUDEST) - _SILENCE_DB) :]
    loudest, quietest = np.percentile(levels_dbfs, (_LOUDEST, _QUIETEST))
    return float(loudest - quietest)
