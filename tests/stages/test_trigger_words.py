from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.stages.trigger_words import LOOSE, STRICT, Match, Where, distance, find, may_become


@pytest.mark.parametrize(
    ("phrase", "heard"),
    [
        ("hey computer", "Hey, computer!"),
        ("hey computer", "Hay computer"),
        ("hey computer", "Hey computers"),
        ("hey computer", "A computer"),
        ("ok computer", "Okay, computer."),
        ("ok computer", "O.K. computer"),
        ("okay computer", "OK computer"),
        ("okay nabu", "Okay Nabu"),
        ("okay nabu", "Ok, now boo"),
        ("okay nabu", "OK Naboo"),
        ("okay nabu", "Okay Nebu"),
        ("okay nabu", "Okaynabu"),
        ("hey jarvis", "Hey, Jervis"),
        ("hey jarvis", "Hey, Charvis"),
        ("alexa", "Elexa"),
        ("alexa", "Alexia"),
        ("hey mycroft", "Hey my craft"),
        ("hey mycroft", "Hey, My Croft"),
        ("señor", "Senor"),
    ],
)
def test_a_phrase_is_found_however_it_is_spelt(phrase: str, heard: str) -> None:
    assert find(f"{heard}, what time is it?", [phrase]) == Match(phrase, "What time is it?")


@pytest.mark.parametrize(
    ("phrase", "heard"),
    [
        ("hey computer", "Hey, come here."),
        ("hey computer", "Hey, can you help me?"),
        ("hey computer", "Hey Jupiter!"),
        ("hey computer", "Computer games are fun."),
        ("hey computer", "What does the computer say?"),
        ("ok computer", "Okay, come out of there."),
        ("ok computer", "Okay, can you put her down?"),
        ("okay nabu", "Okay, maybe later."),
        ("okay nabu", "Okay, never mind."),
        ("okay nabu", "Okay, nobody knows."),
        ("hey jarvis", "Hey there, how are you?"),
        ("hey jarvis", "Hey Travis."),
        ("alexa", "Alexander the Great was a king."),
        ("hey mycroft", "Hey, Microsoft!"),
        ("hey computer", ""),
        ("hey computer", "… !"),
    ],
)
def test_what_only_resembles_it_is_something_else(phrase: str, heard: str) -> None:
    assert find(heard, [phrase]) is None


@pytest.mark.parametrize(
    ("text", "where", "rest"),
    [
        ("Okay computer, what time is it?", "start", "What time is it?"),
        ("Okay computer. What time is it?", "start", "What time is it?"),
        ("Okay computer", "start", ""),
        ("Okay, computer...", "start", ""),
        ("Okay computer – $5, how much is it?", "start", "$5, how much is it?"),
        ("He went home. Okay computer, stop.", "start", None),
        ("He went home. Okay computer, stop.", "sentences", "Stop."),
        ("He went home, okay computer, stop.", "sentences", None),
        ("He went home, okay computer, stop.", "anywhere", "Stop."),
        ("Okay computer, is okay computer a name?", "anywhere", "Is okay computer a name?"),
    ],
)
def test_what_follows_the_phrase_is_taken_for_the_whole(text: str, where: Where, rest: str | None) -> None:
    found = find(text, ["hey computer", "okay computer"], where)
    assert (found.rest if found else None) == rest


def test_of_several_phrases_the_one_that_fits_best_is_meant() -> None:
    phrases = ["hey computer", "okay computer", "hey commuter"]
    assert find("Hey commuter, go", phrases) == Match("hey commuter", "Go")
    assert find("OK computer, go", phrases) == Match("okay computer", "Go")


def test_a_known_phrase_is_found_under_a_spelling_that_would_not_do_by_itself() -> None:
    text = "Okay, no, boom, what time is it?"
    assert find(text, ["okay nabu"]) is None
    assert find(text, ["okay nabu"], "start", LOOSE) == Match("okay nabu", "What time is it?")


@pytest.mark.parametrize(
    ("text", "may"), [("Hey.", True), ("Hay", True), ("Okay", True), ("Oh", False), ("Stop", False), ("", False)]
)
def test_the_beginning_of_a_phrase_is_known_for_one(text: str, may: bool) -> None:
    assert may_become(text, ["hey computer", "ok computer"]) is may


words = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9), min_size=1, max_size=4)


@given(words, words)
def test_a_phrase_is_found_at_the_start_whatever_it_is_and_no_word_behind_it_is_lost(
    phrase: list[str], rest: list[str]
) -> None:
    assert distance(phrase, phrase) == 0 <= STRICT < LOOSE
    found = find(f"{' '.join(phrase)}, {' '.join(rest)}", [" ".join(phrase)])
    assert found is not None
    assert found.rest.lower().endswith(" ".join(rest))


WHERE: tuple[Where, ...] = ("start", "sentences", "anywhere")


@given(st.text(max_size=60))
def test_any_text_is_looked_through(text: str) -> None:
    for where in WHERE:
        found = find(text, ["hey computer", "alexa"], where)
        assert found is None or found.rest.lower() in text.lower() or len(text.lower()) != len(text)
