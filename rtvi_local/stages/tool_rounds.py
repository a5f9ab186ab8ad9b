"""Carries out what the model calls: all calls of a round at the same time, and something to hear where it takes long."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence

from rtvi_local.pipeline.context import Message, tool_messages
from rtvi_local.pipeline.frames import Filler, Frame, ToolCall, ToolResult
from rtvi_local.tools.tool import WrittenCall
from rtvi_local.tools.toolbox import Toolbox

FILLER_AFTER_S = 2.0
FILLERS = ("One moment, please.", "Just a second.", "Let me see.")
"""In turn, so that somebody who waits often does not hear the same."""


class ToolRounds:
    """One conversation's."""

    def __init__(self, toolbox: Toolbox, emit: Callable[[Frame], None]) -> None:
        self._toolbox = toolbox
        self._emit = emit
        self._fillers = 0

    async def carry_out(self, calls: Sequence[WrittenCall], revision: int, *, speaks: bool) -> list[Message]:
        """The messages that tell the model what it called and what came of it. Cancelling it cancels what still runs."""
        made = [
            ToolCall(
                f"call_{uuid.uuid4().hex[:12]}", call.name, call.arguments, revision, self._toolbox.runs_on_client(call.name)
            )
            for call in calls
        ]
        for call in made:
            self._emit(call)
        filling = asyncio.get_running_loop().call_later(FILLER_AFTER_S, self._fill, revision) if speaks else None
        try:
            contents = await asyncio.gather(*(self._run(call) for call in made))
        finally:
            if filling is not None:
                filling.cancel()
        return tool_messages(list(zip(made, contents, strict=True)))

    async def _run(self, call: ToolCall) -> object:
        content: object = None
        try:
            content = await self._toolbox.run(call.call_id, call.name, call.arguments)
            return content
        finally:
            self._emit(ToolResult(call, content, call.revision))

    def _fill(self, revision: int) -> None:
        self._emit(Filler(FILLERS[self._fillers % len(FILLERS)], revision))
        self._fillers += 1


def distinct(calls: Sequence[WrittenCall], earlier: Sequence[WrittenCall] = ()) -> list[WrittenCall]:
    """Without those that say the same as one before: a small model likes to repeat itself, and a tool may do something."""
    seen = {_key(call) for call in earlier}
    kept: list[WrittenCall] = []
    for call in calls:
        if _key(call) not in seen:
            seen.add(_key(call))
            kept.append(call)
    return kept


def _key(call: WrittenCall) -> str:
    return json.dumps([call.name, dict(call.arguments)], sort_keys=True, default=str)
