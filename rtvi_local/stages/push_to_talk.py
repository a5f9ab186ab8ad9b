"""The button to talk, before anybody listens: with `turns.push_to_talk` only what is said while it is held is let through."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import ClassVar

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.pipeline.frames import Audio, ButtonPressed, ButtonReleased, Configured, Frame
from rtvi_local.pipeline.stage import Stage

LAST_SOUND_MS = 200
"""After the button was let go of, in which the last of what was said still arrives: sound waits in a jitter buffer, messages
don't."""


class PushToTalk(Stage):
    """A press counts whatever the setting says: it takes the floor, and no pause ends the turn until the release."""

    name: ClassVar[str] = "push_to_talk"

    def __init__(self, *, only_held: bool, preroll_ms: int) -> None:
        """`preroll_ms` of sound from before a press is heard too: people press as they begin to speak."""
        super().__init__()
        self._only_held = only_held
        self._preroll: deque[Audio] = deque()
        self._preroll_ms = preroll_ms
        self._held = False
        self._letting_go: asyncio.TimerHandle | None = None

    def press(self) -> None:
        self._stay()
        if not self._held:
            self._held = True
            self.emit(ButtonPressed(self._now_ms()))
            while self._preroll:
                self.forward(self._preroll.popleft())

    def release(self) -> None:
        if self._held and self._letting_go is None:
            self._letting_go = asyncio.get_running_loop().call_later(LAST_SOUND_MS / 1000, self._let_go)

    def receive(self, frame: Frame) -> None:
        if isinstance(frame, Audio) and self._only_held and not self._held:
            self._keep(frame)
            return
        self.forward(frame)
        if isinstance(frame, Configured):
            before, self._only_held = self._only_held, frame.config.turns.push_to_talk
            if self._only_held and not before and not self._held:
                # Of somebody who speaks no more is heard: that is the end of it.
                self.emit(ButtonReleased(self._now_ms(), 0.0))

    async def close(self) -> None:
        self._stay()

    def _stay(self) -> None:
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None

    def _let_go(self) -> None:
        self._held, self._letting_go = False, None
        self.emit(ButtonReleased(self._now_ms(), LAST_SOUND_MS))

    def _keep(self, frame: Audio) -> None:
        self._preroll.append(frame)
        longest = self._preroll_ms * LISTENING_SAMPLE_RATE // 1000
        while sum(earlier.samples.size for earlier in self._preroll) > longest:
            self._preroll.popleft()

    def _now_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000
