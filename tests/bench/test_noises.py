"""The noises that scenes are made of."""

from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.bench.turns import noises
from rtvi_local.bench.turns.noises import RATE, SHORT


def _power(sound: np.ndarray[tuple[int], np.dtype[np.float32]], low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(sound.size, 1 / RATE)
    return float(np.sum(spectrum[(hz >= low_hz) & (hz < high_hz)]))


@pytest.mark.parametrize("name", SHORT)
def test_short_noises_sound_for_a_moment_and_are_the_same_in_every_run(name: str) -> None:
    sound = SHORT[name](3)
    assert 0.2 * RATE <= sound.size <= 2 * RATE
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0
    assert np.array_equal(sound, SHORT[name](3))


def test_what_comes_through_a_wall_has_lost_its_high_tones() -> None:
    white = np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32)
    muffled = noises.through_a_wall(white, 1)
    before = _power(white, 100, 300) / _power(white, 3000, 6000)
    after = _power(muffled, 100, 300) / _power(muffled, 3000, 6000)
    assert after / before > 1000


def test_long_noises_never_pause_for_long() -> None:
    hum = np.sin(np.arange(RATE) / 10).astype(np.float32)
    for sound in (noises.cafe([hum, 0.5 * hum], 4, 1), noises.music(4, 1), noises.television([hum, hum], 4, 1)):
        assert sound.size == 4 * RATE
        level = np.sqrt(np.mean(np.square(sound.reshape(-1, RATE // 4)), axis=1))
        assert np.mean(level > 0.05 * level.max()) > 0.5
