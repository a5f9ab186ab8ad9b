from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.bands import BANDS, FLOOR_DB, band_levels, window_samples


def tone(hz: float, rate: int, amplitude: float = 0.1) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(window_samples(rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 48_000])
def test_a_tone_is_as_loud_at_every_rate_and_in_one_place(rate: int) -> None:
    levels = band_levels(tone(1000, rate), rate)
    assert levels.max() == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=1)
    assert levels.argmax() == band_levels(tone(1000, 16_000), 16_000).argmax()
    assert np.count_nonzero(levels > levels.max() - 30) <= 3


def test_silence_is_the_floor_in_every_band() -> None:
    assert band_levels(np.zeros(512, np.float32), 16_000) == pytest.approx(np.full(BANDS, FLOOR_DB))


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_no_band_is_deaf(rate: int) -> None:
    noise = np.random.default_rng(1).normal(size=window_samples(rate)).astype(np.float32)
    assert band_levels(noise, rate).min() > -40
