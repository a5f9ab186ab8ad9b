"""Calls of tools as a client is told of them: in the form that makes it run its own, and never in two."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from rtvi_local.pipeline.frames import ToolCall, ToolResult
from rtvi_local.rtvi.chunks import fits
from rtvi_local.rtvi.messages.base import Message
from rtvi_local.rtvi.messages.functions import (
    LlmFunctionCall,
    LlmFunctionCallInProgress,
    LlmFunctionCallStart,
    LlmFunctionCallStarted,
    LlmFunctionCallStopped,
)
from rtvi_local.rtvi.negotiation import Dialect


class FunctionCalls:
    """One client's."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._open: set[str] = set()
        """The ids of the calls that it was told of, until it is told that they are over."""

    def began(self, call: ToolCall, dialect: Dialect) -> None:
        self._open.add(call.call_id)
        for message in _beginning(call, dialect):
            self._send(message)

    def ended(self, result: ToolResult, dialect: Dialect) -> None:
        call = result.call
        if call.call_id not in self._open:
            return
        self._open.discard(call.call_id)
        if dialect.function_calls == "in-progress":
            # What a tool of the server's found out may be meant for the model alone.
            told = (call.name, result.content) if call.on_client else (None, None)
            stopped = LlmFunctionCallStopped(call.call_id, result.cancelled, *told)
            # The client has its own result. That the call is over it must learn, however large that was.
            self._send(stopped if fits(stopped) else msgspec.structs.replace(stopped, result=None))


def _beginning(call: ToolCall, dialect: Dialect) -> Iterator[Message]:
    arguments = dict(call.arguments)
    if dialect.function_calls == "in-progress":
        # A client runs what comes with a name: those that the server runs itself come without.
        name = call.name if call.on_client else None
        yield LlmFunctionCallStarted(name)
        yield LlmFunctionCallInProgress(call.call_id, name, arguments if call.on_client else None)
    elif call.on_client:
        if dialect.is_0_x:
            yield LlmFunctionCallStart(call.name)
        yield LlmFunctionCall(call.name, call.call_id, arguments)
