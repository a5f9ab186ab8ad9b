from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rtvi_local.engines.fakes import EchoTranscriber
from rtvi_local.engines.interfaces import Float32, Transcription
from rtvi_local.stages.rolling_transcription import RollingTranscription, Words

RATE = 16_000
SAID = [f"{one}{vowel}{other}" for one, other in zip("bdfgklmnpr", "mnprbdfgkl", strict=True) for vowel in "aeiouy"]
"""Said in 0.4 s each, one after the other."""


def sound(until_s: float) -> Float32:
    """Each sample tells when it was: what a transcriber is given says what it should hear."""
    return (np.arange(int(until_s * RATE)) / (100 * RATE)).astype(np.float32)


def hearing(samples: Float32) -> str:
    begin_s = float(samples[0]) * 100 if samples.size else 0.0
    end_s = begin_s + samples.size / RATE + 0.01
    return " ".join(word for number, word in enumerate(SAID) if begin_s <= number * 0.4 + 0.01 and number * 0.4 + 0.4 <= end_s)


def rolling(
    transcriber: EchoTranscriber, is_invented: Callable[[Transcription], bool] = lambda _: False
) -> RollingTranscription:
    return RollingTranscription(transcriber, lambda heard, _: is_invented(heard))


def grow(words: RollingTranscription, until_s: float, first: int = 0) -> Words:
    return asyncio.run(words.words(sound(until_s)[first:], first, may_settle=True))


def test_the_last_pass_over_a_long_utterance_has_little_left_to_transcribe() -> None:
    transcriber = EchoTranscriber(hearing)
    words = rolling(transcriber)
    for tenths in range(5, 200, 5):
        assert grow(words, tenths / 10).text.split() == SAID[: int(tenths / 4)], "at every moment all of it is known"
    assert max(transcriber.heard_samples) <= 4.5 * RATE


def test_words_are_settled_even_where_no_pass_has_time_for_it() -> None:
    transcriber = EchoTranscriber(hearing)
    words = rolling(transcriber)
    for tenths in range(5, 200, 5):
        asyncio.run(words.words(sound(tenths / 10), 0, may_settle=False))
    assert max(transcriber.heard_samples) <= 7 * RATE


def test_another_utterance_begins_with_nothing() -> None:
    transcriber = EchoTranscriber(hearing)
    words = rolling(transcriber)
    for seconds in (3, 4, 5, 6):
        grow(words, seconds)
    words.forget()
    assert grow(words, 2).text.split() == SAID[:5]
    assert transcriber.heard_samples[-1] == 2 * RATE


def test_a_rest_that_makes_no_sense_has_the_whole_utterance_heard_again() -> None:
    confused = False

    def sometimes(samples: Float32) -> str:
        return "Thank you." if confused and samples.size < 6 * RATE else hearing(samples)

    transcriber = EchoTranscriber(sometimes)
    words = rolling(transcriber)
    for seconds in (3, 4, 5, 6, 7):
        grow(words, seconds)
    assert transcriber.heard_samples[-1] < 6 * RATE
    confused = True
    assert grow(words, 8).text.split() == SAID[:20]
    assert transcriber.heard_samples[-1] == 8 * RATE


def test_a_rest_that_was_made_up_has_the_whole_utterance_heard_again() -> None:
    transcriber = EchoTranscriber(hearing)
    invented = False
    words = rolling(transcriber, lambda heard: invented and heard.segments[0][1] < 6)
    for seconds in (3, 4, 5, 6, 7):
        grow(words, seconds)
    invented = True
    assert grow(words, 8).text.split() == SAID[:20]


def test_what_was_heard_stands_where_the_next_pass_is_taken_for_something_made_up() -> None:
    invented = False
    words = rolling(EchoTranscriber(hearing), lambda _: invented)
    grow(words, 1.2)
    invented = True
    assert grow(words, 2).text.split() == SAID[:3]
    words.forget()
    assert grow(words, 1.2).text == "", "that was another utterance"


def test_what_was_heard_of_a_little_does_not_stand_for_a_lot_that_nobody_said() -> None:
    invented = False
    words = rolling(EchoTranscriber(hearing), lambda _: invented)
    grow(words, 0.5)
    invented = True
    assert grow(words, 2).text == ""


def test_what_is_not_believed_for_its_words_alone_is_told_as_doubted_and_what_nobody_can_have_said_is_not() -> None:
    def is_unsure(heard: Transcription) -> bool:
        return heard.text == "Adam." and heard.mean_log_probability < 0

    words = rolling(EchoTranscriber(["Adam.", "Yes."]), is_unsure)
    first, second = grow(words, 0.6), grow(words, 0.6)
    assert (first.text, first.doubted) == ("", "Adam.")
    assert (second.text, second.doubted) == ("Yes.", "")
    nobody = rolling(EchoTranscriber(["Adam."]), lambda _: True)
    assert grow(nobody, 0.6).doubted == ""


def test_what_is_late_for_an_utterance_settles_nothing_of_the_next() -> None:
    async def story() -> None:
        transcriber = EchoTranscriber(hearing, delay_ms=10)
        words = rolling(transcriber)
        await words.words(sound(4), 0, may_settle=True)
        late = asyncio.create_task(words.words(sound(5), 0, may_settle=True))
        await asyncio.sleep(0)
        words.forget()
        assert (await late).text.split() == SAID[:12]
        await words.words(sound(3), 0, may_settle=True)
        assert transcriber.heard_samples[-1] == 3 * RATE

    asyncio.run(story())


def test_passes_that_overlap_in_time_each_tell_all_that_was_said() -> None:
    async def story() -> None:
        words = rolling(EchoTranscriber(hearing, delay_ms=10))
        await words.words(sound(4), 0, may_settle=True)
        both = await asyncio.gather(words.words(sound(6), 0, may_settle=True), words.words(sound(6.4), 0, may_settle=False))
        assert [one.text.split() for one in both] == [SAID[:15], SAID[:16]]

    asyncio.run(story())


def test_an_utterance_whose_beginning_is_no_longer_kept_is_known_all_the_same() -> None:
    words = rolling(EchoTranscriber(hearing))
    for seconds in (3, 4, 5, 6, 7):
        grow(words, seconds)
    assert grow(words, 8, first=RATE).text.split() == SAID[:20]


class NotingTranscriber(EchoTranscriber):
    """Notes which language it was told."""

    def __init__(self) -> None:
        super().__init__(hearing, language="de")
        self.told: list[str | None] = []

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        self.told.append(language)
        return await super().transcribe(samples, language=language, word_times=word_times, retry=retry)


def test_the_language_is_detected_until_enough_was_heard_and_anew_in_the_next_utterance() -> None:
    transcriber = NotingTranscriber()
    words = rolling(transcriber)
    for seconds in (1, 2, 3, 4):
        assert grow(words, seconds).language == "de"
    words.forget()
    grow(words, 1)
    words.language = "en"
    grow(words, 4)
    assert transcriber.told == [None, None, None, "de", None, "en"]


class LostTranscriber(EchoTranscriber):
    """Loses itself where it is told, and says nothing if it may not try again."""

    lost = False
    tries = 0

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        heard = await super().transcribe(samples, language=language, word_times=word_times, retry=retry)
        if not self.lost:
            return heard
        self.tries += 1
        return heard if retry else replace(heard, text="", segments=(), words=())


def test_a_pass_while_somebody_speaks_does_not_try_again_and_changes_nothing() -> None:
    transcriber = LostTranscriber(hearing)
    words = rolling(transcriber)
    for seconds in (3, 4, 5, 6, 7):
        known = grow(words, seconds).text
    transcriber.lost = True
    assert grow(words, 8).text == known
    assert transcriber.tries == 1, "the whole utterance isn't heard anew either"
    last = asyncio.run(words.words(sound(8), 0, may_settle=False))
    assert last.text.split() == SAID[:20], "the last one tries again"
    assert transcriber.heard_samples[-1] < 6 * RATE, "and hears what is not settled"
