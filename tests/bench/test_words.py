from __future__ import annotations

import pytest

from rtvi_local.bench.words import normalised_words, number_words, word_errors


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (70, "seventy"),
        (42, "forty two"),
        (305, "three hundred five"),
        (1999, "one thousand nine hundred ninety nine"),
    ],
)
def test_numbers_are_spoken(number: int, words: str) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Call me at five o'clock.", "call me at 5 o'clock"),
        ("Call me at five o'clock.", "Call me at 5:00."),
        ("Half past five thirty", "half past 5:30"),
        ("Set a timer for ten minutes!", "set a timer for 10 minutes"),
        ("OK, I'm here", "okay Im here"),
        ("twenty-one", "21"),
        ("one thousand two hundred", "1,200"),
    ],
)
def test_the_same_words_written_differently_are_equal(one: str, other: str) -> None:
    assert normalised_words(one) == normalised_words(other)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b y", 2), ("a b c", "x y z", 3), ("", "a", 1), ("a b", "", 2)],
)
def test_errors_are_counted_in_words(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors
