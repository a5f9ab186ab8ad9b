from __future__ import annotations

import asyncio

from rtvi_local import virtual_clock
from rtvi_local.pipeline.frames import Heard
from rtvi_local.pipeline.heard_words import HeardWords

TEXT = "The capital of France is Paris."


def heard(words: int, segment: int = 1) -> Heard:
    end = len(" ".join(TEXT.split()[:words]))
    return Heard(segment, TEXT, end, words == 6, 1)


def test_only_words_that_can_be_in_the_audio_are_taken_out_of_its_transcript() -> None:
    async def story() -> None:
        words = HeardWords()
        for count in range(1, 7):
            await asyncio.sleep(1)
            words.observe(heard(count))
        assert words.taken_out("of France is Paris", 3500) == ""
        assert words.taken_out("of France is Paris", 5500) == "of France is Paris", "two of them were said before that"
        assert words.taken_out("is Paris", 5500) == ""

    virtual_clock.run(story())


def test_each_word_is_noted_once_and_each_clause_by_itself() -> None:
    async def story() -> None:
        words = HeardWords()
        for segment in (1, 2):
            for count in (3, 6, 6):
                words.observe(heard(count, segment))
        assert words.taken_out(f"{TEXT} {TEXT}", 0) == ""
        assert [word for _, word in words._words] == 2 * ["the", "capital", "of", "france", "is", "paris"]

    virtual_clock.run(story())
