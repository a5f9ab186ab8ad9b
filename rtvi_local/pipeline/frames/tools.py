"""What the model has done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool begins to run: only now, for a call may do something, and a turn that is not committed may come to nothing."""

    call_id: str
    name: str
    arguments: Mapping[str, object]
    revision: int
    on_client: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call. `content` is text or parts in the OpenAI form; None if the call was cancelled."""

    call: ToolCall
    content: object
    revision: int

    @property
    def cancelled(self) -> bool:
        return self.content is None


@dataclass(frozen=True, slots=True)
class Filler:
    """Something to say while a tool takes its time. It is no part of the reply, and not remembered."""

    text: str
    revision: int
