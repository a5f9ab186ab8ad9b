from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.pcm import Float32
from rtvi_local.audio.prominence import prominence_db

RATE = 16_000


def someone_talks(seed: int, seconds: float = 2.0) -> Float32:
    """Syllables of 0.2 s, with gaps of half of that."""
    sound = np.random.default_rng(seed).normal(size=int(seconds * RATE))
    at_s = np.arange(sound.size) / RATE + seed * 0.077
    return np.asarray(sound * (at_s % 0.3 < 0.2) * (0.5 + np.sin(np.pi * (at_s % 0.3) / 0.2) ** 2), np.float32)


def test_one_voice_stands_above_its_room_by_what_the_room_is_weaker() -> None:
    room = np.random.default_rng(100).normal(size=2 * RATE).astype(np.float32)
    by_20, by_10 = (prominence_db(someone_talks(1) + room * gain, RATE) for gain in (0.1, 0.32))
    assert by_20 > by_10 + 8
    assert by_10 > 10


def test_of_many_voices_none_stands_out() -> None:
    many = np.sum([someone_talks(seed) for seed in range(8)], axis=0).astype(np.float32)
    assert prominence_db(many, RATE) < 8
    assert prominence_db(many * np.float32(0.001), RATE) == pytest.approx(prominence_db(many, RATE)), "whatever the gain"


def test_a_short_word_stands_above_a_long_crowd() -> None:
    crowd = np.sum([someone_talks(seed, 3.0) for seed in range(8)], axis=0).astype(np.float32)
    crowd[RATE : RATE + RATE // 8] *= 4
    assert prominence_db(crowd, RATE) > prominence_db(crowd[2 * RATE :], RATE) + 6


def test_nothing_is_said_of_next_to_no_sound() -> None:
    assert prominence_db(np.zeros(100, np.float32), RATE) == float("inf")


def test_a_crowd_that_begins_out_of_silence_stands_out_of_nothing_once_that_is_cut_away() -> None:
    many = np.sum([someone_talks(seed, 1.0) for seed in range(8)], axis=0).astype(np.float32)
    sudden = np.concatenate([np.full(RATE // 2, 1e-4, np.float32), many])
    assert prominence_db(sudden, RATE) > 60
    assert prominence_db(sudden, RATE, since_first_sound=True) < 8
