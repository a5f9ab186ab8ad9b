"""The bot's words as the client's screen follows them: announced when they begin to be heard, followed word by word."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rtvi_local.pipeline.frames import Clause, Heard
from rtvi_local.rtvi.messages import Message
from rtvi_local.rtvi.messages.bot import BotOutput, BotOutput1, BotTtsText, SpokenProgress
from rtvi_local.rtvi.negotiation import Dialect

SENTENCE = "sentence"
"""Of the kinds of text, iOS decodes only this one and "word"."""
BACKCHANNEL = "backchannel"
"""What is said while something else is waited for. Clients before 2.2 don't know it, and show it as a sentence."""


@dataclass(slots=True)
class _Segment:
    wire_id: int
    key: tuple[int, int]
    """Revision and segment id of the frames about it."""
    text: str
    indent: int
    """White space before `text` in the frames' text, which counts into their positions."""
    spoken: bool
    kind: str
    heard_chars: int = 0


class BotOutputs:
    """`bot-output` and `bot-tts-text` of a conversation, in the dialect of its client.

    Spoken segments are announced one after the other, each when the one before it has been heard; so what an interruption
    cuts off, and everything behind it, never appeared. Text that is not spoken goes at once, unless spoken text before it
    still waits.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self.dialect = Dialect()
        self._send = send
        self._waiting: deque[_Segment] = deque()
        self._current: _Segment | None = None
        self._speaking: int | None = None
        self._last_id = 0

    def add(self, clause: Clause) -> None:
        text = clause.text.strip()
        if not text:
            return
        indent = len(clause.text) - len(clause.text.lstrip())
        spoken = clause.speak and bool(clause.spoken.strip())
        self._last_id += 1
        kind = SENTENCE if clause.remember or not self.dialect.is_2_2 else BACKCHANNEL
        self._waiting.append(_Segment(self._last_id, (clause.revision, clause.segment_id), text, indent, spoken, kind))
        self._announce_due()

    def started(self, revision: int) -> None:
        """The reply of this revision is heard from now on."""
        self._speaking = revision
        self._announce_due()

    def stopped(self) -> None:
        """The voice fell silent."""
        self._speaking = None

    def delivered(self, revision: int) -> None:
        """The reply is over: nothing of it may stay waiting for a voice that will not come."""
        self._current = None
        while self._waiting and self._waiting[0].key[0] <= revision:
            segment = self._waiting.popleft()
            if not segment.spoken:
                self._announce(segment)

    def drop(self) -> None:
        """What was not announced will not be; what was not completed stays so."""
        self._waiting.clear()
        self._current = None

    def heard(self, frame: Heard) -> None:
        segment = self._find((frame.revision, frame.segment_id))
        if segment is None:
            return
        self._progress(segment, frame.heard_chars - segment.indent, completed=frame.completed)
        if frame.completed:
            self._current = None
            self._announce_due()

    def _find(self, key: tuple[int, int]) -> _Segment | None:
        """The segment that is being heard. The speaker may have passed over some whose voice failed."""
        if any(segment.key == key and segment.spoken for segment in self._waiting):
            while self._current is None or self._current.key != key:
                segment = self._waiting.popleft()
                self._announce(segment)
                self._current = segment if segment.spoken else self._current
        return self._current if self._current and self._current.key == key else None

    def _announce_due(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.spoken:
                if self._current is not None or self._speaking != first.key[0]:
                    return
                self._current = first
            self._announce(self._waiting.popleft())

    def _announce(self, segment: _Segment) -> None:
        if self.dialect.bot_output == "spoken-flag":
            self._send(BotOutput1(segment.text, False, SENTENCE))
        elif self.dialect.bot_output == "segments":
            progress = SpokenProgress("", segment.text) if segment.spoken else None
            self._send(BotOutput(segment.text, segment.kind, segment.kind, segment.wire_id, segment.spoken, "new", progress))

    def _progress(self, segment: _Segment, heard_chars: int, *, completed: bool) -> None:
        text = segment.text
        before = segment.heard_chars
        until = len(text) if completed else len(text[: max(before, heard_chars)].rstrip())
        words = text[before:until].strip()
        segment.heard_chars = max(before, until)
        if not words and not completed:
            return
        if self.dialect.bot_output == "segments":
            progress = SpokenProgress(text[:until], text[until:])
            status: Literal["in-progress", "completed"] = "completed" if completed else "in-progress"
            self._send(BotOutput(text, segment.kind, segment.kind, segment.wire_id, True, status, progress))
        elif self.dialect.bot_output == "spoken-flag" and words:
            self._send(BotOutput1(words, True, SENTENCE if words == text else "word"))
        if words:
            self._send(BotTtsText(words))
