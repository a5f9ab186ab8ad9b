"""What the bot said lately, word by word: what may be in the microphone's audio too."""

from __future__ import annotations

import asyncio
from collections import deque

from rtvi_local.pipeline.frames import Frame, Heard
from rtvi_local.pipeline.own_words import without_own_words, words_of

ECHO_MS = 500
"""So late words come back at most, mostly."""
MEMORY_MS = 35_000
"""An utterance is no longer than 30 s."""


class HeardWords:
    """An observer of a pipeline: notes when each word of a reply had been played."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._words: deque[tuple[float, str]] = deque()
        self._segment: tuple[int, int] | None = None
        """The segment that is being played (revision and number), and how many of its words have been."""
        self._noted = 0

    def observe(self, frame: Frame) -> None:
        if not isinstance(frame, Heard):
            return
        now_ms = self._loop.time() * 1000
        if self._segment != (frame.revision, frame.segment_id):
            self._segment, self._noted = (frame.revision, frame.segment_id), 0
        words = words_of(frame.text[: frame.heard_chars])
        self._words.extend((now_ms, word) for word in words[self._noted :])
        self._noted = len(words)
        while self._words and self._words[0][0] < now_ms - MEMORY_MS:
            self._words.popleft()

    def taken_out(self, text: str, from_ms: float) -> str:
        """`text`, the transcript of audio that begins at `from_ms`, without the bot's own words that can be in it."""
        earliest_ms = from_ms - ECHO_MS
        said = [word for at_ms, word in self._words if at_ms >= earliest_ms]
        return without_own_words(text, said) if said else text
