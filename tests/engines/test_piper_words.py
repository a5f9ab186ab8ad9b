from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.engines.piper_words import word_ends


def cut(words: list[str], said: str) -> list[str]:
    ends = word_ends(words, said)
    return [said[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("words", "said", "expected"),
    [
        (["hɛlˈoʊ", "wˈɜːld"], "həlˈoʊ wˈɜːld", ["həlˈoʊ", "wˈɜːld"]),
        # in the year 1984,
        (
            ["ˈɪn", "ðə", "jˈɪɹ", "nˈaɪntiːn ˈeɪɾi fˈɔːɹ, "],
            "ɪnðə jˈɪɹ nˈaɪntiːn ˈeɪɾi fˈɔːɹ,",
            ["ɪn", "ðə", "jˈɪɹ", "nˈaɪntiːn ˈeɪɾi fˈɔːɹ,"],
        ),
        # for a book
        (["fɔːɹ", "ˈeɪ", "bˈʊk"], "fɚɹə bˈʊk.", ["fɚɹ", "ə", "bˈʊk."]),
        # a dash is the pause that it makes
        (["aɪ", "", "ˈaɪ", "mˈiːn"], "aɪ; aɪ mˈiːn.", ["aɪ", ";", "aɪ", "mˈiːn."]),
        (["jˈɛs."], "jˈɛs.", ["jˈɛs."]),
        ([], "", []),
    ],
)  # fmt: skip
def test_each_word_gets_its_own_phonemes(words: list[str], said: str, expected: list[str]) -> None:
    assert cut(words, said) == expected


_PHONEMES = st.text(alphabet="ˈaɪnðəst ,.", max_size=12)


@given(words=st.lists(_PHONEMES, min_size=1, max_size=12), said=_PHONEMES)
def test_whatever_was_said_each_word_has_an_end_and_the_last_is_the_end(words: list[str], said: str) -> None:
    ends = word_ends(words, said)
    assert len(ends) == len(words)
    assert ends == sorted(ends)
    assert ends[0] >= 0 and ends[-1] == len(said)


@given(words=st.lists(st.text(alphabet="aɪnðəst", min_size=1, max_size=8), min_size=1, max_size=10))
def test_words_said_as_they_are_said_alone_are_found_exactly(words: list[str]) -> None:
    assert cut(words, " ".join(words)) == words
