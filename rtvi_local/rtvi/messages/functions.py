"""Functions that the model calls."""

from __future__ import annotations

from typing import Any, ClassVar

from rtvi_local.rtvi.messages.base import Message


class LlmFunctionCallStarted(Message, frozen=True):
    """The model decided to call a function."""

    type: ClassVar[str] = "llm-function-call-started"
    since: ClassVar[str] = "1.2"
    function_name: str | None = None


class LlmFunctionCallInProgress(Message, frozen=True):
    """A function runs. With its name and arguments, a client that has a handler for it runs it."""

    type: ClassVar[str] = "llm-function-call-in-progress"
    since: ClassVar[str] = "1.2"
    tool_call_id: str
    function_name: str | None = None
    arguments: dict[str, Any] | None = None


class LlmFunctionCallStopped(Message, frozen=True):
    """A function returned or was given up. A `result` that does not fit into a message is left out."""

    type: ClassVar[str] = "llm-function-call-stopped"
    since: ClassVar[str] = "1.2"
    tool_call_id: str
    cancelled: bool
    function_name: str | None = None
    result: Any = None


class LlmFunctionCall(Message, frozen=True):
    """Runs a function on clients older than `llm-function-call-in-progress`, and on mobile ones."""

    type: ClassVar[str] = "llm-function-call"
    since: ClassVar[str] = "0.1"
    function_name: str
    tool_call_id: str
    args: dict[str, Any]


class LlmFunctionCallStart(Message, frozen=True):
    """The model decided to call a function, as RTVI 0.x says it."""

    type: ClassVar[str] = "llm-function-call-start"
    since: ClassVar[str] = "0.1"
    function_name: str
