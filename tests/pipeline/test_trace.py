from __future__ import annotations

import pytest

from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    Clause,
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


class Story:
    def __init__(self) -> None:
        self.now_ms = 0.0
        self.reports: list[Waterfall] = []
        self.trace = Trace(lambda: self.now_ms, self.reports.append)

    def at(self, now_ms: float, *frames: object) -> None:
        self.now_ms = now_ms
        for frame in frames:
            self.trace.observe(frame)  # type: ignore[arg-type]


def test_the_parts_add_up_to_the_whole_whatever_finished_first() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1250, Transcript("Hi.", True, 1), UserTurn("Hi.", 1))
    story.at(1300, ReplyToken("Hello", 1))
    story.at(1310, TurnCommitted(1, 1310))
    story.at(1400, Clause(1, "Hello,", "Hello,", 1))
    story.at(1460, Speech(1, ramp(10), 22_050, 1))
    story.at(1470, BotStartedSpeaking(1, 1470))
    (waterfall,) = story.reports
    assert waterfall.total_ms == pytest.approx(470)
    assert tuple(waterfall.parts) == PARTS
    assert waterfall.parts["transcription"] == pytest.approx(150)
    assert waterfall.parts["turn_decision"] == 0, "it was known before the sound was"
    assert waterfall.parts["speaker"] == pytest.approx(10)


def test_a_turn_that_went_on_is_measured_from_its_last_pause() -> None:
    story = Story()
    story.at(1100, SpeechStopped(1096, 96))
    story.at(1200, Transcript("Well", True, 1), ReplyToken("Hm", 1), Superseded(1))
    story.at(3100, SpeechStopped(3096, 96))
    story.at(3200, Transcript("Well then", True, 2), ReplyToken("So", 2), Clause(1, "So", "So", 2))
    story.at(3300, Speech(1, ramp(10), 22_050, 2), TurnCommitted(2, 3300), BotStartedSpeaking(2, 3300))
    (waterfall,) = story.reports
    assert waterfall.total_ms == pytest.approx(300)


def test_answers_to_typed_text_have_no_waterfall() -> None:
    story = Story()
    story.at(0, UserTurn("Hi", 1, typed=True), ReplyToken("Hello", 1), BotStartedSpeaking(1, 0))
    assert story.reports == []
