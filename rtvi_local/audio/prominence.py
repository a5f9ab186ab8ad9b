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


def prominence_db(samples: Float32, sample_rate: int) -> float:
    """Of an utterance with what was heard just before it; infinite for less than 20 ms, of which nothing can be said."""
    size = int(_PIECE_S * sample_rate)
    pieces = samples[: samples.size // size * size].reshape(-1, size)
    if not pieces.size:
        return float("inf")
    loudest, quietest = np.percentile([level_dbfs(piece) for piece in pieces], (_LOUDEST, _QUIETEST))
    return float(loudest - quietest)
