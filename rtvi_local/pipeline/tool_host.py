"""What builtin tools may do to their conversation, done."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Literal

from rtvi_local.pipeline.frames import BotStoppedSpeaking, Frame, ReplyDelivered
from rtvi_local.pipeline.speaker import Speaker
from rtvi_local.rtvi.messages.base import Message
from rtvi_local.rtvi.messages.from_client import UiTree
from rtvi_local.rtvi.messages.ui import UiCommand, UiJobGroup
from rtvi_local.tools.builtin import Host
from rtvi_local.tools.tool import ToolError

MOST_TIMERS = 32
_WORKER = "timer"


class ToolHost:
    """One conversation's. Watches its frames, to end it when the good-bye has been heard."""

    def __init__(
        self,
        speaker: Speaker,
        say: Callable[[str], None],
        end: Callable[[str], None],
        look: Callable[[], Awaitable[object]],
        page: Callable[[], UiTree | None],
        tell: Callable[[Message], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = end
        self._tell = tell
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """By the id of the job group that the client is told of: each is a group of one."""
        self._ending = False
        self.host = Host(
            say=say,
            later=self._later,
            end_after_reply=self._end_after_reply,
            set_volume=speaker.set_volume,
            look=look,
            page=page,
            command=lambda command, payload: tell(UiCommand(command, payload)),
        )

    def observe(self, frame: Frame) -> None:
        match frame:
            case ReplyDelivered() | BotStoppedSpeaking(finished=False) if self._ending:
                # Interrupted, it was heard well enough: the person asked for the end.
                self._loop.call_soon(self._end, "a tool ended the conversation")
            case _:
                pass

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def cancel(self, job_id: str) -> bool:
        """The client cancels what runs under this id; false if nothing does any more."""
        if job_id not in self._timers:
            return False
        self._timers[job_id].cancel()
        self._over(job_id, "cancelled")
        return True

    def _later(self, seconds: float, do: Callable[[], None], label: str) -> None:
        if len(self._timers) >= MOST_TIMERS:
            raise ToolError(f"There are {MOST_TIMERS} timers already.")
        job_id = uuid.uuid4().hex[:12]

        def due() -> None:
            self._over(job_id, "completed")
            do()

        self._timers[job_id] = self._loop.call_later(seconds, due)
        self._tell(UiJobGroup("group_started", job_id, _now_ms(), [_WORKER], label, True))

    def _over(self, job_id: str, status: Literal["completed", "cancelled"]) -> None:
        del self._timers[job_id]
        self._tell(UiJobGroup("job_completed", job_id, _now_ms(), worker_name=_WORKER, status=status))
        self._tell(UiJobGroup("group_completed", job_id, _now_ms()))

    def _end_after_reply(self) -> None:
        self._ending = True


def _now_ms() -> int:
    return round(time.time() * 1000)
