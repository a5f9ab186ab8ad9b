from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.level_meter import LevelMeter
from rtvi_local.audio.pcm import Int16


def levels(*sound: Int16) -> list[float]:
    """Of these pieces of 20 ms, played eight times each: one level for each."""
    told: list[float] = []
    meter = LevelMeter(16_000, told.append)
    for piece in sound:
        for _ in range(8):
            meter.push(piece)
    return told


def square(amplitude: int) -> Int16:
    return np.tile(np.array([amplitude, -amplitude], np.int16), 160)


def test_full_scale_is_1_and_half_of_it_6_db_less() -> None:
    loud, half = levels(square(32767), square(16384))
    assert loud == pytest.approx(1, abs=0.001)
    assert half == pytest.approx(1 - 6 / 60, abs=0.001)


def test_silence_is_told_once_when_it_begins() -> None:
    assert levels(square(0), square(3277), square(0), square(1), square(0)) == [pytest.approx(2 / 3, abs=0.01), 0.0]
