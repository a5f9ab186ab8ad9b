from __future__ import annotations

import numpy as np

from rtvi_local.audio.lull import Lull

RATE = 16_000


def lulls(*levels: tuple[float, int]) -> list[int]:
    """The milliseconds at which lulls were noticed, in noise of these (amplitude, milliseconds)."""
    lull = Lull(RATE)
    random_ = np.random.default_rng(1)
    noticed: list[int] = []
    at_ms = 0
    for amplitude, duration_ms in levels:
        for _ in range(duration_ms // 20):
            at_ms += 20
            if lull.push((amplitude * random_.standard_normal(320)).astype(np.float32)):
                noticed.append(at_ms)
    return noticed


def test_the_end_of_speech_is_noticed_after_60_ms_and_once() -> None:
    assert lulls((0.1, 1000), (0.001, 1000)) == [1060]


def test_a_short_closure_is_none() -> None:
    assert lulls((0.1, 500), (0.001, 40), (0.1, 500)) == []


def test_each_pause_is_one() -> None:
    assert lulls((0.1, 500), (0.001, 200), (0.1, 300), (0.001, 200)) == [560, 1060]


def test_in_loud_noise_there_is_none() -> None:
    assert lulls((0.1, 500), (0.03, 1000)) == []


def test_a_shout_is_forgotten() -> None:
    assert lulls((1.0, 100), (0.02, 3000), (0.0005, 200)) == [160, 3160]
