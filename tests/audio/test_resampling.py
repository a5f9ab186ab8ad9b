from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.resampling import Resampler


@pytest.mark.parametrize(("in_rate", "out_rate"), [(22_050, 48_000), (48_000, 16_000), (16_000, 8_000), (16_000, 16_000)])
def test_a_tone_in_pieces_comes_out_whole_at_the_other_rate(in_rate: int, out_rate: int) -> None:
    tone = (10_000 * np.sin(2 * np.pi * 440 * np.arange(in_rate) / in_rate)).astype(np.int16)
    resampler = Resampler(in_rate, out_rate)
    pieces = [resampler.push(tone[start : start + 441]) for start in range(0, in_rate, 441)]
    result = np.concatenate([*pieces, resampler.flush()])
    assert abs(result.size - out_rate) <= 2
    expected = 10_000 * np.sin(2 * np.pi * 440 * np.arange(result.size) / out_rate)
    middle = slice(out_rate // 10, -out_rate // 10)
    assert float(np.abs(result[middle] - expected[middle]).max()) < 300


def test_nothing_in_gives_nothing_out() -> None:
    assert Resampler(22_050, 48_000).push(np.zeros(0, np.int16)).size == 0
