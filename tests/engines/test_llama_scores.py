"""Which scores stay true when a text goes on, or changes."""

from __future__ import annotations

from rtvi_local.engines.llama_scores import Scores


def known(scores: Scores, sequence: int, values: list[float]) -> None:
    scores._known[sequence][1].extend(values)


def test_what_is_held_need_not_be_scored_again() -> None:
    scores = Scores(10)
    assert scores.keep(1, 5, 0) == 0, "nothing is held: all has to be read"
    known(scores, 1, [-1.0, -2.0, -3.0])
    assert scores.keep(1, 5, 8) == 8
    assert scores.total(1) == -6.0


def test_of_a_text_that_changed_the_beginning_counts() -> None:
    scores = Scores(10)
    scores.keep(1, 5, 0)
    known(scores, 1, [-1.0, -2.0, -3.0])
    assert scores.keep(1, 5, 6) == 6
    assert scores.total(1) == -1.0


def test_behind_another_beginning_everything_is_new() -> None:
    scores = Scores(10)
    scores.keep(1, 5, 0)
    known(scores, 1, [-1.0, -2.0])
    assert scores.keep(1, 4, 9) == 4
    assert scores.total(1) == 0.0


def test_what_is_held_but_was_never_scored_is_scored_from_where_it_begins() -> None:
    scores = Scores(10)
    assert scores.keep(1, 5, 9) == 5
    assert scores.keep(1, 5, 3) == 0
