from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import audible, onset, to_float


def test_the_onset_is_the_first_sample_that_somebody_hears_whichever_way_it_swings() -> None:
    samples = np.zeros(1000, np.int16)
    samples[200], samples[400] = 100, -32768
    assert onset(samples) == 400
    assert onset(samples[:300]) == 300, "nothing can be heard"


def test_what_somebody_hears_ends_with_its_last_audible_sample() -> None:
    samples = np.zeros(1000, np.int16)
    samples[[200, 400, 500, 700]] = 100, 300, -32768, -299
    assert audible(to_float(samples)) == slice(400, 501)
    assert audible(to_float(samples[:300])) == slice(300, 300), "nothing can be heard"
