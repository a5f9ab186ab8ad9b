"""Whether sound stands out of what is explained. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtvi_local.audio.pcm import Float32

NO_SURPRISE_DB = 8.0
"""Above what the own voice explains. Its echo alone is above by 4 dB in 5 % of frames and bands, and by 7 dB in 1 %."""
SURPRISE_DB = 11.0
"""So far above that, all bands together and two frames in a row, somebody else made a sound, as it is seen in hindsight. One
frame alone may be a click: the own voice's beginnings and ends fall differently into the frames that were sent and those that
are heard."""
SURE_DB, STILL_DB = 39.0, 28.0
"""What stands out of 20 ms frame after frame adds up: a voice as loud as the echo shows in its gaps, 10 dB now and 15 two
frames later. Somebody else sounds once that comes to the former, which is the most that is kept, and is taken to sound on,
masked, until it falls to the latter: the vowel behind an "s" need not stand out. A late packet shifts the echo by a frame; of
310 replies whose echo came alone, half of them with such packets, none came to more than 29 dB."""
KEPT, MOST_OF_ONE_DB = 0.9, 24.0
"""Of the sum in each frame, and of a frame in the sum: one alone may be a click. With 0.8 and 32 dB, to which echoes alone came
about as near, one in twenty of those who talked over an echo was told as late in two sets of 24 (after more than 0.33 and
0.75 s), and later in three: 0.42, 0.60 and 0.69 s instead of 0.34, 0.45 and 0.44."""


class Evidence:
    """That somebody else sounds. Of one conversation; fed with every frame in which the own voice may be heard."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._db = 0.0
        self._suffices = False

    def suffices(self, excess_db: float) -> bool:
        """With this frame, which stands out by so much."""
        self._db = min(KEPT * self._db + min(excess_db, MOST_OF_ONE_DB), SURE_DB)
        self._suffices = self._db >= (STILL_DB if self._suffices else SURE_DB)
        return self._suffices


def excess(levels: Float32, explained: Float32, noise: Float32) -> Float32:
    """For each frame (all but the last axis, which is BANDS): how far it is above both, all bands together, dB."""
    above = levels - (np.maximum(explained, noise) + NO_SURPRISE_DB)
    return np.asarray(np.where(above > 0, above, 0).sum(axis=-1), np.float32)


def surprises(levels: Float32, explained: Float32, noise: Float32) -> NDArray[np.bool_]:
    """For each frame: whether it is so far above that somebody may have made a sound."""
    return np.asarray(excess(levels, explained, noise) >= SURPRISE_DB)
