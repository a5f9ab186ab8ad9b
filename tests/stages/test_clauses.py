from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.stages.clauses import PATIENCE, ClauseSplitter


def split(text: str, size: int = 1) -> list[str]:
    """The clauses of `text` when it comes in pieces of `size` characters."""
    splitter = ClauseSplitter()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    clauses = [clause for piece in pieces for clause in splitter.push(piece)]
    return clauses + splitter.flush()


_ANYTHING = st.text(alphabet=st.one_of(st.sampled_from(" .,;:!?\n`~()[]\"'*-—…1a。、"), st.characters()), max_size=80)


@given(pieces=st.lists(_ANYTHING, max_size=8))
def test_the_clauses_are_the_text_and_nothing_else(pieces: list[str]) -> None:
    splitter = ClauseSplitter()
    clauses = [clause for piece in pieces for clause in splitter.push(piece)] + splitter.flush()
    assert "".join(clauses) == "".join(pieces)
    assert all(clauses)


@given(text=_ANYTHING)
def test_every_clause_but_the_last_has_something_to_say(text: str) -> None:
    assert all(
        any(character.isalnum() for character in clause) or "`" in clause or "~" in clause for clause in split(text)[:-1]
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Of course, I can help you. What is it?", ["Of course,", " I can help you.", " What is it?"]),
        ("Yes. I think so.", ["Yes.", " I think so."]),
        ("Wait... what? No!", ["Wait... what?", " No!"]),
        (
            "The capital of France is Paris which is a large city.",
            ["The capital of France", " is Paris which is a large city."],
        ),
        ("He wrote (well, dictated, really) it. Then he left.", ["He wrote (well, dictated, really) it.", " Then he left."]),
        ('She said "Good day to you. How are you?" Then she left.',
         ['She said "Good day to you.', ' How are you?"', " Then she left."]),
        ("First line\nSecond line", ["First line\n", "Second line"]),
        ("1. Bread\n2. Milk", ["1. Bread\n", "2. Milk"]),
        ("Look:\n```c\nf(a, b); g.\n```\nDone.", ["Look:\n", "```c\nf(a, b); g.\n```", "\nDone."]),
        ("你好，世界。今天很好！", ["你好，世界。", "今天很好！"]),
        ("مرحبا، كيف حالك؟ أنا بخير.", ["مرحبا، كيف حالك؟", " أنا بخير."]),
        ("नमस्ते दुनिया। आप कैसे हैं?", ["नमस्ते दुनिया।", " आप कैसे हैं?"]),
    ],
)  # fmt: skip
def test_text_is_cut_where_a_speaker_would_breathe(text: str, clauses: list[str], size: int) -> None:
    assert split(text, size) == clauses


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.50 euros or 1,000,000 yen.",
        "The train leaves at 10:30 sharp.",
        "Please ask Dr. Smith or Mrs. Jones.",
        "It was J. K. Rowling.",
        "Use fruit e.g. an apple.",
        "She lives in the U.S. these days.",
        "At 9 a.m. we meet.",
        "See https://example.org/a,b;c?d=e:f!g for it.",
        "Write to ann.lee@example.org today.",
        "Run `a.b(c, d); e` now.",
        "It has 16:9 format.",
        "Version 3.11.7 is out.",
    ],
)
def test_numbers_abbreviations_names_addresses_and_code_stay_whole(text: str, size: int) -> None:
    assert split(text, size) == [text]


@pytest.mark.parametrize("start", ["Of course,", "Sure!", "Yes I do;", "你好。", "Is it?"])
def test_a_mark_after_a_plain_word_ends_the_first_clause_without_a_look_ahead(start: str) -> None:
    assert ClauseSplitter().push(start) == [start]


@pytest.mark.parametrize("start", ["It is 3.", "It is 1,", "At half past 10:", "Go to example.", "Is that all."])
def test_a_mark_that_may_be_part_of_something_waits_for_the_next_character(start: str) -> None:
    splitter = ClauseSplitter()
    assert splitter.push(start) == []
    assert splitter.push(" ") == [start]


def test_a_word_that_may_still_grow_is_no_conjunction() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("We have many small and blue and") == []
    assert splitter.push("roid phones here") == []


@given(
    words=st.lists(st.sampled_from(["stone", "water", "green", "and", "of", "the", "which", "house"]), min_size=60, max_size=90)
)
def test_a_sentence_without_any_mark_is_not_waited_for(words: list[str]) -> None:
    clauses = split(" ".join(words), 4)
    limits = [patience.space for patience in PATIENCE]
    for index, clause in enumerate(clauses[:-1]):
        spare = 60 if set(clause.split()) <= {"and", "of", "the", "which"} else 12  # a cut never follows "of the"
        assert len(clause.split()) <= limits[min(index, 2)] + spare


def test_an_opening_bracket_that_never_closes_does_not_hold_the_voice_for_ever() -> None:
    clauses = split("I mean (" + "we went to the sea and it was cold. " * 12, 5)
    assert len(clauses) > 3


def test_a_splitter_is_new_after_a_flush() -> None:
    splitter = ClauseSplitter()
    splitter.push("Hello there. And so")
    assert splitter.flush() == [" And so"]
    assert splitter.push("Of course,") == ["Of course,"]


def test_a_script_without_spaces_and_full_stops_is_cut_at_its_spaces() -> None:
    text = "สวัสดีครับวันนี้อากาศดีมากและท้องฟ้าแจ่มใสมาก พรุ่งนี้อาจจะมีฝนตกในช่วงบ่ายของวัน แล้วเจอกันใหม่"
    splitter = ClauseSplitter()
    clauses = [clause for letter in text for clause in splitter.push(letter)] + splitter.flush()
    assert "".join(clauses) == text
    assert len(clauses) > 1
    assert clauses[0] == text.split()[0]
