from __future__ import annotations

import pytest

from rtvi_local.pipeline.own_words import without_own_words, words_of

SAID = words_of("The capital of France is Paris, which lies on the river Seine.")


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        ("The capital of France is Paris.", ""),
        ("the capitol of France is Paris which lives on the river Seine", ""),
        ("Which lies on the.", ""),
        ("lies on the river. Stop, that's enough.", "Stop, that's enough."),
        ("of France, wait, what about Rome?", "wait, what about Rome?"),
        ("No wait, which lies on the river", "No wait,"),
    ],
)
def test_its_own_words_are_taken_out(heard: str, left: str) -> None:
    assert without_own_words(heard, SAID) == left


@pytest.mark.parametrize(
    "heard",
    [
        "Paris?",
        "Stop.",
        "Is it on the Rhine?",
        "What is the population of Germany?",
        "No, I meant the other one.",
        "",
        "…",
    ],
)
def test_a_persons_words_stay(heard: str) -> None:
    assert without_own_words(heard, SAID) == heard


def test_what_the_bot_did_not_say_is_a_persons_whatever_it_is() -> None:
    assert without_own_words("The capital of France is Paris.", []) == "The capital of France is Paris."


def test_the_same_words_twice_are_taken_out_twice() -> None:
    assert without_own_words("the river Seine the river Seine", SAID) == ""


def test_words_in_another_order_are_not_a_repetition() -> None:
    assert without_own_words("Seine river the on lies Paris", SAID) == "Seine river the on lies Paris"
