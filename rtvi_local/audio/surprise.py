"""Whether sound stands out of what is explained. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtvi_local.audio.pcm import Float32

NO_SURPRISE_DB = 8.0
"""Above what the own voice explains. Its echo alone is above by 4 dB in 5 % of frames and bands, and by 7 dB in 1 %."""
SURPRISE_DB = 11.0
"""So far above that, all bands together and two frames in a row, somebody else makes a sound. One frame alone may be a click:
the own voice's beginnings and ends fall differently into the frames that were sent and those that are heard."""


def surprises(levels: Float32, explained: Float32, noise: Float32) -> NDArray[np.bool_]:
    """For each frame (all but the last axis, which is BANDS): whether it is so far above both, dB."""
    above = levels - (np.maximum(explained, noise) + NO_SURPRISE_DB)
    return np.asarray(np.where(above > 0, above, 0).sum(axis=-1) >= SURPRISE_DB)
