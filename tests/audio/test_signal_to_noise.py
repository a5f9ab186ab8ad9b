from __future__ import annotations

import math

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.signal_to_noise import SignalToNoise


def words_in_a_room(room: int, word: int, pieces: int = 150) -> list[Int16]:
    """20 ms each, noise of these amplitudes; every fifth is of a word."""
    noise = np.random.default_rng(1).normal(size=(pieces, 320))
    return [(row * (word if i % 5 == 0 else room)).astype(np.int16) for i, row in enumerate(noise)]


def measured_db(pieces: list[Int16]) -> float:
    heard = SignalToNoise()
    for piece in pieces:
        heard.push(piece)
    return heard.db


def test_it_is_how_much_louder_words_are_than_what_is_between_them_whatever_the_gain() -> None:
    assert measured_db(words_in_a_room(100, 3000)) == pytest.approx(20 * math.log10(30), abs=1)
    assert measured_db(words_in_a_room(20, 600)) == pytest.approx(20 * math.log10(30), abs=1)


def test_what_was_heard_more_than_3_s_ago_does_not_count() -> None:
    assert measured_db(words_in_a_room(0, 3000) + words_in_a_room(300, 3000)) == pytest.approx(20, abs=1)


def test_before_a_second_was_heard_the_room_is_taken_for_quiet() -> None:
    assert measured_db(words_in_a_room(300, 3000, 49)) == math.inf
    assert measured_db(words_in_a_room(300, 3000, 50)) < 21


def test_after_a_reset_nothing_is_left() -> None:
    heard = SignalToNoise()
    for piece in words_in_a_room(300, 3000):
        heard.push(piece)
    heard.reset()
    assert heard.db == math.inf
