from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.cues import CUES, cue
from rtvi_local.audio.pcm import level_dbfs, to_float


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("name", ["ding", "tick"])
def test_a_sound_is_gentle_and_begins_and_ends_without_a_click(name: str, rate: int) -> None:
    samples = to_float(cue(name, rate))
    peak = float(np.abs(samples).max())
    assert 0.02 < peak < 0.14
    loudest = max(level_dbfs(samples[start : start + rate // 50]) for start in range(0, samples.size, rate // 50))
    assert loudest < -18
    assert samples[0] == samples[-1] == 0
    # No step within it is larger than those of a sine of this peak at the highest partial.
    assert float(np.abs(np.diff(samples)).max()) <= peak * 2 * np.pi * 2500 / rate


def test_a_ding_is_over_before_an_answer_can_be_and_a_tick_goes_on() -> None:
    assert cue("ding", 16_000).size == 16 * 400
    ticks = to_float(cue("tick", 16_000))
    loud = np.abs(ticks.reshape(-1, 16 * 900)).max(axis=1)
    assert loud.size >= 10
    assert np.allclose(loud, loud[0])


def test_none_is_nothing_and_other_names_are_unknown() -> None:
    assert cue("none", 16_000).size == 0
    assert set(CUES) == {"ding", "tick", "none"}
    with pytest.raises(KeyError):
        cue("gong", 16_000)
