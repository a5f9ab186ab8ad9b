from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.pcm import Float32
from rtvi_local.audio.treble import treble_db
from rtvi_local.bench.turns.noises import through_a_wall

RATE = 16_000


def tones(*each: tuple[float, float]) -> Float32:
    """Sines of so many Hz and so much amplitude, for a second."""
    at_s = np.arange(RATE) / RATE
    return np.asarray(sum(amplitude * np.sin(2 * np.pi * hz * at_s) for hz, amplitude in each), np.float32)


def test_it_is_the_ratio_of_the_two_bands() -> None:
    assert treble_db(tones((300, 1.0), (2000, 0.1)), RATE) == pytest.approx(-20, abs=0.5)
    assert treble_db(tones((300, 0.01), (2000, 0.01)), RATE) == pytest.approx(0, abs=0.5)


def test_of_a_voice_the_brightest_sounds_tell() -> None:
    vowels, hiss = tones((300, 1.0), (2000, 0.05)), tones((300, 0.1), (2000, 0.5))
    said = vowels.copy()
    said[: RATE // 5] = hiss[: RATE // 5]
    assert treble_db(vowels, RATE) < -20
    assert treble_db(said, RATE) > 10


def test_what_is_heard_of_the_room_between_words_does_not_count() -> None:
    said = tones((300, 1.0), (2000, 0.05))
    said[RATE // 2 :] = 0.001 * np.random.default_rng(1).standard_normal(RATE // 2)
    assert treble_db(said, RATE) < -20


def test_a_wall_takes_the_treble_away() -> None:
    voice = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    assert treble_db(through_a_wall(voice, 1), RATE) < treble_db(voice, RATE) - 15


def test_silence_and_nothing_at_all_are_not_muffled() -> None:
    assert treble_db(np.zeros(RATE, np.float32), RATE) == 0
    assert treble_db(np.zeros(0, np.float32), RATE) == 0
