"""What builtin tools may do to their conversation, done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rtvi_local.pipeline.frames import BotStoppedSpeaking, Frame, ReplyDelivered
from rtvi_local.pipeline.speaker import Speaker
from rtvi_local.tools.builtin import Host
from rtvi_local.tools.tool import ToolError

MOST_TIMERS = 32


class ToolHost:
    """One conversation's. Watches its frames, to end it when the good-bye has been heard."""

    def __init__(
        self,
        speaker: Speaker,
        say: Callable[[str], None],
        end: Callable[[str], None],
        look: Callable[[], Awaitable[object]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = end
        self._timers: set[asyncio.TimerHandle] = set()
        self._ending = False
        self.host = Host(
            say=say,
            later=self._later,
            end_after_reply=self._end_after_reply,
            set_volume=speaker.set_volume,
            look=look,
        )

    def observe(self, frame: Frame) -> None:
        match frame:
            case ReplyDelivered() | BotStoppedSpeaking(finished=False) if self._ending:
                # Interrupted, it was heard well enough: the person asked for the end.
                self._loop.call_soon(self._end, "a tool ended the conversation")
            case _:
                pass

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        if len(self._timers) >= MOST_TIMERS:
            raise ToolError(f"There are {MOST_TIMERS} timers already.")

        def due() -> None:
            self._timers.discard(timer)
            do()

        timer = self._loop.call_later(seconds, due)
        self._timers.add(timer)

    def _end_after_reply(self) -> None:
        self._ending = True
