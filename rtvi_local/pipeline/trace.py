"""Where the time between a person's last sound and the bot's first went. Pure: an observer that reads a clock it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    Clause,
    Frame,
    ReplyToken,
    Speech,
    SpeechStopped,
    Transcript,
    TurnCommitted,
    UserTurn,
)

PARTS = ("silence", "transcription", "first_token", "first_clause", "first_sound", "turn_decision", "speaker")
"""In the order of time. Each lasts from the end of the one before to its own; one that was done before counts as nothing."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The parts of one turn, in milliseconds; their sum is the time from the end of speech (as the voice activity detector
    saw it) to the first audible frame's leaving."""

    revision: int
    parts: dict[str, float]

    @property
    def total_ms(self) -> float:
        return sum(self.parts.values())


class Trace:
    """Feed it every frame; it reports a waterfall when a spoken turn's answer becomes audible."""

    def __init__(self, now_ms: Callable[[], float], report: Callable[[Waterfall], None]) -> None:
        self._now_ms = now_ms
        self._report = report
        self._speech_end_ms = 0.0
        self._revision = 0
        self._marks: dict[str, float] = {}

    def observe(self, frame: Frame) -> None:
        match frame:
            case SpeechStopped(at_ms, silence_ms):
                self._speech_end_ms = at_ms - silence_ms
                self._marks = {"silence": self._now_ms()}
            case Transcript(_, True, revision):
                self._revision = revision
                self._mark("transcription", revision)
            case UserTurn(typed=True):
                self._marks = {}
            case ReplyToken(_, revision):
                self._mark("first_token", revision)
            case Clause():
                self._mark("first_clause", frame.revision)
            case Speech() if frame.samples.size:
                self._mark("first_sound", frame.revision)
            case TurnCommitted(revision):
                self._mark("turn_decision", revision)
            case BotStartedSpeaking(revision) if revision == self._revision and self._marks:
                self._mark("speaker", revision)
                self._report(self._waterfall())
                self._marks = {}
            case _:
                pass

    def _mark(self, part: str, revision: int) -> None:
        if revision == self._revision and self._marks:
            self._marks.setdefault(part, self._now_ms())

    def _waterfall(self) -> Waterfall:
        parts: dict[str, float] = {}
        reached = self._speech_end_ms
        for part in PARTS:
            mark = max(reached, self._marks.get(part, reached))
            parts[part] = mark - reached
            reached = mark
        return Waterfall(self._revision, parts)
