"""Rooms and noises: what they add is as loud as asked, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.bench.rooms import beside, crowd, echoing, fan

SAMPLES = 32_000
SPEECH = (np.sin(np.arange(SAMPLES) * 0.05) * 0.1).astype(np.float32)


def level_db(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples**2))))


def test_noise_is_as_much_weaker_as_asked() -> None:
    noisy = beside(SPEECH, fan(SAMPLES), 10)
    assert level_db(SPEECH) - level_db(noisy - SPEECH) == pytest.approx(10, abs=0.1)


def test_nothing_clips() -> None:
    assert np.abs(beside(SPEECH * 9, fan(SAMPLES), 0)).max() <= 1


def test_a_room_echoes_after_the_sound_and_not_before() -> None:
    click = np.zeros(SAMPLES, np.float32)
    click[1000] = 1
    heard = echoing(click, 0.3, 6)
    assert np.abs(heard[:1000]).max() < 1e-6
    assert heard[1000] == pytest.approx(1, abs=1e-6)
    assert level_db(heard[1001:6000]) > level_db(heard[6000:12_000]) + 20
    assert np.sum(heard[1001:] ** 2) == pytest.approx(10 ** (-6 / 10), rel=0.05), "the echoes are 6 dB below the direct sound"


def test_the_same_seed_is_the_same_room_and_the_same_crowd() -> None:
    assert np.array_equal(echoing(SPEECH, 0.3, 6, seed=1), echoing(SPEECH, 0.3, 6, seed=1))
    assert not np.array_equal(echoing(SPEECH, 0.3, 6, seed=1), echoing(SPEECH, 0.3, 6, seed=2))
    voices = [SPEECH, SPEECH[::-1]]
    assert np.array_equal(crowd(voices, 5000), crowd(voices, 5000))
