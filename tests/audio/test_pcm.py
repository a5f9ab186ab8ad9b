from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import onset


def test_the_onset_is_the_first_sample_that_somebody_hears_whichever_way_it_swings() -> None:
    samples = np.zeros(1000, np.int16)
    samples[200], samples[400] = 100, -32768
    assert onset(samples) == 400
    assert onset(samples[:300]) == 300, "nothing can be heard"
