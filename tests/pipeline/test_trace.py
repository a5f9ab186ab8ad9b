from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    ButtonReleased,
    Clause,
    Frame,
    Measured,
    ReplyToken,
    Speech,
    SpeechStopped,
    Superseded,
    Transcript,
    TurnCommitted,
    UserTurn,
)
from rtvi_local.pipeline.trace import PARTS, Trace, Waterfall
from tests.pipeline.test_playback import ramp

BUDGET_MS = 5
"""By how much the sum of the parts may differ from the whole."""


class Story:
    def __init__(self) -> None:
        self.now_ms = 0.0
        self.reports: list[Waterfall] = []
        self.trace = Trace(lambda: self.now_ms, self.reports.append)

    def at(self, now_ms: float, *frames: Frame) -> None:
        self.now_ms = now_ms
        for frame in frames:
            self.trace.observe(frame)

    def sent(self, now_ms: float) -> None:
        self.now_ms = now_ms
        self.trace.sent()


def took(processor: str, ms: float, revision: int = 1) -> Measured:
    return Measured(processor, "processing", ms / 1000, "", revision)


def test_every_part_has_its_time() -> None:
    story = Story()
    story.at(1130, SpeechStopped(1110, 64, sounded_ms=1000, arrived_ms=1118))
    story.at(1250, Transcript("Hi.", True, 1), took("whisper.encode", 40), took("whisper.decode", 60), UserTurn("Hi.", 1))
    story.at(1300, took("llm.first_token", 5), ReplyToken("Hello", 1))
    story.at(1400, Clause(1, "Hello,", "Hello,", 1))
    steps = (took("piper.phonemes", 4), took("piper.encode", 20), took("piper.decode", 10))
    story.at(1440, *steps, Speech(1, ramp(10), 22_050, 1))
    story.at(1450, TurnCommitted(1, 1450))
    story.at(1453, BotStartedSpeaking(1, 1453))
    story.sent(1454)
    (waterfall,) = story.reports
    assert tuple(waterfall.parts) == PARTS
    assert waterfall.total_ms == pytest.approx(454)
    assert waterfall.parts == pytest.approx(
        {
            "jitter_buffer": 12,
            "vad": 54,
            "silence": 64,
            "stt_wait": 20,
            "stt_encode": 40,
            "stt_decode": 60,
            "prefill": 45,
            "first_token": 5,
            "first_clause": 100,
            "tts_wait": 6,
            "tts_phonemes": 4,
            "tts_encode": 20,
            "tts_decode": 10,
            "turn_decision": 10,
            "queue": 3,
            "packet": 1,
        }
    )


def test_what_was_done_before_its_turn_came_counts_as_nothing() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1101, Transcript("Hi.", True, 1), took("whisper.encode", 50), took("whisper.decode", 90))
    story.at(1300, ReplyToken("Hello", 1))
    story.at(1310, TurnCommitted(1, 1310))
    story.at(1400, Clause(1, "Hello,", "Hello,", 1), Speech(1, ramp(10), 22_050, 1), BotStartedSpeaking(1, 1400))
    story.sent(1400)
    parts = story.reports[0].parts
    assert [parts[name] for name in ("stt_wait", "stt_encode", "stt_decode")] == pytest.approx([0, 0, 1])
    assert parts["turn_decision"] == 0, "it was known before the sound was"
    assert story.reports[0].total_ms == pytest.approx(400)


ENGINES = ("whisper.encode", "whisper.decode", "llm.first_token", "piper.phonemes", "piper.encode", "piper.decode")


@given(
    order=st.permutations(("transcript", "token", "clause", "speech", "commit")),
    waits_ms=st.lists(st.floats(0, 900), min_size=7, max_size=7),
    steps_ms=st.lists(st.floats(0, 500), min_size=6, max_size=6),
    trail_ms=st.one_of(st.none(), st.floats(-200, 900)),
    held_ms=st.floats(0, 80),
)
def test_the_sum_of_the_parts_is_the_whole(
    order: list[str], waits_ms: list[float], steps_ms: list[float], trail_ms: float | None, held_ms: float
) -> None:
    story, revision = Story(), 1
    frames: dict[str, Frame] = {
        "transcript": Transcript("Hi.", True, revision),
        "token": ReplyToken("Hello", revision),
        "clause": Clause(1, "Hello,", "Hello,", revision),
        "speech": Speech(1, ramp(10), 22_050, revision),
        "commit": TurnCommitted(revision, 0),
    }
    at_ms = 10_000.0
    sounded_ms = None if trail_ms is None else at_ms - 64 - trail_ms
    story.at(at_ms + held_ms, SpeechStopped(at_ms, 64, sounded_ms, at_ms))
    measured = [took(name, ms) for name, ms in zip(ENGINES, steps_ms, strict=True)]
    times = list(itertools.accumulate(waits_ms, initial=at_ms + held_ms))[1:]
    story.at(times[0], frames["transcript"], *measured)
    for now_ms, name in zip(times, order, strict=False):
        story.at(now_ms, frames[name])
    story.at(times[5], BotStartedSpeaking(revision, times[5]))
    story.sent(times[6])
    parts = story.reports[0].parts
    began_ms = min(at_ms - 64, sounded_ms) if sounded_ms is not None and trail_ms is not None and trail_ms < 400 else at_ms - 64
    assert abs(sum(parts.values()) - (times[6] - began_ms)) <= BUDGET_MS
    assert min(parts.values()) >= -1e-6


def test_a_turn_that_went_on_is_measured_from_its_last_pause() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1200, Transcript("Well", True, 1), ReplyToken("Hm", 1), Superseded(1))
    story.at(3100, SpeechStopped(3096, 96))
    story.at(3200, Transcript("Well then", True, 2), ReplyToken("So", 2), Clause(1, "So", "So", 2))
    story.at(3300, Speech(1, ramp(10), 22_050, 2), TurnCommitted(2, 3300), BotStartedSpeaking(2, 3300))
    story.sent(3300)
    (waterfall,) = story.reports
    assert waterfall.total_ms == pytest.approx(300)


def test_a_turn_of_interim_words_is_measured_though_its_final_transcription_never_came() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(2500, UserTurn("Hi.", 1), TurnCommitted(1, 2500))
    story.at(2600, ReplyToken("Hello", 1), Clause(1, "Hello", "Hello", 1))
    story.at(2700, Speech(1, ramp(10), 22_050, 1), BotStartedSpeaking(1, 2700))
    story.sent(2700)
    assert story.reports[0].total_ms == pytest.approx(1700)
    assert story.reports[0].parts["stt_wait"] == pytest.approx(1400)


def test_a_breath_before_the_answer_is_audible_is_no_part_of_the_turn_and_does_not_hide_it() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1200, Transcript("Hi.", True, 1), took("whisper.decode", 60), UserTurn("Hi.", 1))
    story.at(1250, TurnCommitted(1, 1250))
    story.at(1300, SpeechStopped(1296, 64))
    story.at(1350, ReplyToken("Hello", 1), Clause(1, "Hello,", "Hello,", 1), Speech(1, ramp(10), 22_050, 1))
    story.at(1400, took("whisper.decode", 90, revision=2), Transcript("", True, 2), BotStartedSpeaking(1, 1400))
    story.sent(1400)
    (waterfall,) = story.reports
    assert waterfall.revision == 1
    assert waterfall.began_ms == pytest.approx(1000)
    assert waterfall.total_ms == pytest.approx(400), "from the words, not from the breath"
    assert (waterfall.parts["stt_decode"], waterfall.parts["queue"]) == pytest.approx((60, 50))


def test_who_goes_on_before_the_answer_is_audible_is_measured_from_where_they_ended() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1200, Transcript("Well", True, 1), UserTurn("Well", 1), TurnCommitted(1, 1200))
    story.at(2100, SpeechStopped(2096, 96))
    story.at(2200, Transcript("Well then", True, 2), UserTurn("Well then", 2), TurnCommitted(2, 2200))
    story.at(2300, ReplyToken("So", 2), Clause(1, "So", "So", 2), Speech(1, ramp(10), 22_050, 2), BotStartedSpeaking(2, 2300))
    story.sent(2300)
    (waterfall,) = story.reports
    assert waterfall.revision == 2
    assert waterfall.total_ms == pytest.approx(300)


def test_a_button_that_is_let_go_after_the_words_are_known_is_where_the_turn_ends() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96), Transcript("Hi.", True, 1), UserTurn("Hi.", 1))
    story.at(1500, ButtonReleased(1500, 0), TurnCommitted(1, 1500))
    story.at(1600, ReplyToken("Hello", 1), Clause(1, "Hello", "Hello", 1), Speech(1, ramp(10), 22_050, 1))
    story.at(1600, BotStartedSpeaking(1, 1600))
    story.sent(1600)
    assert story.reports[0].total_ms == pytest.approx(100)


def test_what_only_was_a_noise_leaves_nothing_behind() -> None:
    story = Story()
    for revision in range(1, 1000):
        story.at(revision, SpeechStopped(revision, 0), took("whisper.decode", 60, revision), Transcript("", True, revision))
    assert len(story.trace._turns) == 1


def test_an_answer_is_reported_once() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96), Transcript("Hi", True, 1), TurnCommitted(1, 1100), BotStartedSpeaking(1, 1100))
    story.sent(1100)
    story.at(1110, BotStartedSpeaking(1, 1110))
    story.sent(1120)
    assert len(story.reports) == 1


def test_answers_to_typed_text_have_no_waterfall() -> None:
    story = Story()
    story.at(0, UserTurn("Hi", 1, typed=True), TurnCommitted(1, 0), ReplyToken("Hello", 1), BotStartedSpeaking(1, 0))
    story.sent(0)
    story.at(900, SpeechStopped(896, 96), Transcript("", True, 2))
    story.at(1000, UserTurn("Hi", 3, typed=True), TurnCommitted(3, 0), ReplyToken("Hello", 3), BotStartedSpeaking(3, 0))
    story.sent(1000)
    assert story.reports == []
