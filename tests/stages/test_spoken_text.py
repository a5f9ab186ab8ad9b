from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.stages.clauses import ClauseSplitter
from rtvi_local.stages.spoken_text import spoken, spoken_with_offsets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**Bold**, *italic*, __both__ and ~~gone~~.", "Bold, italic, both and gone."),
        ("**bold without an end", "bold without an end"),
        ("the end of it** was bold", "the end of it was bold"),
        ("## A heading", "A heading"),
        ("- [x] done", "done"),
        ("* first", "first"),
        ("> quoted", "quoted"),
        ("Use `print` or `a=b+c;` now.", "Use print or code now."),
        ("See [the docs](https://example.org/a_b) first.", "See the docs first."),
        ("See [the docs](https://exam", "See the docs"),
        ("![A cat](cat.png) sits.", "A cat sits."),
        ("Go to https://example.org/a?b=c. Now.", "Go to link. Now."),
        ("A <b>bold</b> word<br>here", "A bold word here"),
        ("| name | age |", "name, age"),
        ("|------|:---:|", ""),
        ("```python\nprint('hello')\n```", ""),
        ("```python\nprint('hello", ""),
        ("Great 👍🏽🎉!", "Great !"),
        ("😀", ""),
        ("***", ""),
        ("It costs $3.50.", "It costs 3 dollars and 50 cents."),
        ("$5 million, €1 or £20.", "5 million dollars, 1 euro or 20 pounds."),
        ("$1,000.00", "1,000 dollars"),
        ("Dr. Smith and Mrs. Jones", "Dr Smith and Mrs Jones"),
        ("at 9 a.m. today", "at 9 a.m today"),
        ("Wait... what… now?", "Wait, what, now?"),
        ("Hello—world - yes", "Hello, world, yes"),
        ("! That is good", "That is good"),
        ("20°C and 5 km/h", "20 degrees Celsius and 5 kilometers per hour"),
        ("~10 of 3-4 in 1990–1995", "about 10 of 3 to 4 in 1990 to 1995"),
        ("call 555-1234 on 2024-05-01", "call 555-1234 on 2024-05-01"),
        ("#1 is 2 * 3", "number 1 is 2 times 3"),
        ("A → B", "A, B"),
        ("two  spaces\nand a line", "two spaces and a line"),
        ("-5 degrees", "-5 degrees"),
    ],
)
def test_markup_is_not_read_aloud(text: str, said: str) -> None:
    assert spoken(text) == said


@pytest.mark.parametrize(
    "prose",
    [
        "Of course, I can help you with that!",
        "It's 3.5 percent (or 4%), isn't it?",
        'He said "no": it\'s a well-known, twenty-first century idea; fine.',
        "Ça va? Mañana, señor. Straße.",
        "你好，世界。",
        "नमस्ते दुनिया। आप कैसे हैं?",
        "मुझे 20% चाहिए",
    ],
)
def test_prose_stays_as_it_is(prose: str) -> None:
    assert spoken(prose) == prose


_WORDS = st.lists(st.text(alphabet="abcdeéüñ", min_size=1, max_size=7), min_size=1, max_size=12)


@given(words=_WORDS, mark=st.sampled_from(["", ".", "?", "!", ","]))
def test_plain_words_stay_as_they_are_whatever_they_are(words: list[str], mark: str) -> None:
    text = ", ".join(words) + mark
    said, ends = spoken_with_offsets(text)
    assert said == text
    assert [text[start:end].strip() for start, end in zip((0, *ends), ends, strict=False)] == text.split()


def test_other_languages_get_no_english_words() -> None:
    assert spoken("Das kostet $5 bei 20°C, ~10", "de") == "Das kostet $5 bei 20°C, 10"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("**Bold** text!", ["**Bold**", " text!"]),
        ("see [the docs](http://a.b) now", ["see", " [the", " docs](http://a.b)", " now"]),
        ("😀 Hello 👍", ["😀 Hello 👍"]),
        ("It is `x` here **", ["It", " is", " `x`", " here **"]),
    ],
)
def test_a_marker_belongs_to_the_word_that_it_is_written_with(text: str, parts: list[str]) -> None:
    _, ends = spoken_with_offsets(text)
    assert [text[start:end] for start, end in zip((0, *ends), ends, strict=False)] == parts


_MESSY = st.text(alphabet=st.one_of(st.sampled_from(" \n.,!?*_`~#[]()<>|\\-–—$€12°ab/:😀"), st.characters()), max_size=60)


@given(text=_MESSY)
def test_whatever_the_text_each_spoken_word_has_its_place_in_it(text: str) -> None:
    said, ends = spoken_with_offsets(text)
    assert len(ends) == len(said.split())
    assert list(ends) == sorted(ends)
    assert all(0 <= end <= len(text) for end in ends)
    assert not ends or ends[-1] == len(text)
    assert said == spoken(text) == said.strip()
    assert "  " not in said and "\n" not in said


@given(text=_MESSY)
def test_no_marker_reaches_the_voice(text: str) -> None:
    assert not set(spoken(text)) & set("*`~#\\<>[]{}|😀")


def test_a_streamed_answer_is_clean_clause_by_clause() -> None:
    answer = "**Sure, I can!** Here:\n\n- one, *two\n- three* [four](http://x.y/z)\n\n```\ncode\n```\nDone 🎉"
    splitter = ClauseSplitter()
    clauses = [clause for character in answer for clause in splitter.push(character)] + splitter.flush()
    assert " ".join(filter(None, map(spoken, clauses))) == "Sure, I can! Here: one, two three four Done"
