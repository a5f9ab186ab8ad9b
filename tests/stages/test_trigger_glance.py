from __future__ import annotations

import pytest

from rtvi_local.stages.trigger_glance import LEAST_FIT, may_hold, texts_of

PHRASES = ("hey computer", "good morning jukebox", "computer")
NOTHING = -40.0


def test_of_each_phrase_its_first_word_and_the_whole_are_tried_as_whisper_writes_them() -> None:
    assert texts_of(PHRASES) == ("Hey", "Hey computer", "Good", "Good morning jukebox", "Computer", "Computer")


def fits(place: int, first: float, whole: float) -> list[float]:
    """Of one phrase; the others do not fit at all."""
    found = [NOTHING, 2 * NOTHING] * 2 + [NOTHING] * 2
    found[2 * place : 2 * place + 2] = first, whole
    return found


@pytest.mark.parametrize(
    ("place", "first", "whole", "may"),
    [
        (0, LEAST_FIT, NOTHING, True),
        (0, LEAST_FIT - 1, NOTHING, False),
        (0, NOTHING, NOTHING + LEAST_FIT, True),
        (0, NOTHING, NOTHING + LEAST_FIT - 1, False),
        (1, NOTHING, NOTHING + 2 * LEAST_FIT, True),
        (1, NOTHING, NOTHING + 2 * LEAST_FIT - 1, False),
        (2, LEAST_FIT, LEAST_FIT, True),
        (2, LEAST_FIT - 1, LEAST_FIT - 1, False),
    ],
)
def test_the_first_word_is_enough_and_so_are_all_the_others(place: int, first: float, whole: float, may: bool) -> None:
    assert may_hold(PHRASES, fits(place, first, whole)) is may
