from __future__ import annotations

from rtvi_local.engines.interfaces import TimedWord
from rtvi_local.engines.whisper_words import with_punctuation


def pieces(*texts: str) -> list[TimedWord]:
    return [TimedWord(text, float(number), number + 1.0) for number, text in enumerate(texts)]


def test_marks_belong_to_the_word_that_they_are_written_to() -> None:
    words = with_punctuation(pieces(" She", " said", ",", ' "', "yes", '."', " I", "'m", " -", " here", " ..."))
    assert [word.text for word in words] == [" She", " said,", ' "yes."', " I", "'m", " - here ..."]


def test_a_mark_has_no_time_of_its_own() -> None:
    words = with_punctuation(pieces(" Well", ",", " yes", "."))
    assert words == (TimedWord(" Well,", 0.0, 1.0), TimedWord(" yes.", 2.0, 3.0))


def test_nothing_but_marks_is_no_word() -> None:
    assert with_punctuation(pieces("...", " -")) == ()
