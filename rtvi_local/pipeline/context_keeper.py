"""Keeps a long conversation within what its model can see: between turns, the model sums up the oldest of them itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from rtvi_local.config import Llm
from rtvi_local.engines.interfaces import LanguageModel
from rtvi_local.pipeline.context import SUMMARY, Context, Message, characters_of, fitted, oldest_turns
from rtvi_local.pipeline.frames import Condense, Condensed, Frame, Prompt, PromptAhead, ReplyDelivered
from rtvi_local.pipeline.statements import MOST_CHARS, statements, within
from rtvi_local.tools.tool import Tool

FULL = 0.75
"""Of the window, from which on it is summed up: there is room for two or three more turns in case nobody pauses."""
KEPT_MESSAGES = 6
"""The newest ones stay as they are."""
SUMMARY_TOKENS = 160
INSTRUCTION = (
    "List what the user has told you so far: every name, number, date and wish, then in one sentence what you talked about."
)
"""Of five that were tried on a model of 0.5B, the one whose answer was true."""
_INSTRUCTION_TOKENS = 64

Tell = Callable[[dict[str, object]], None]


class ContextKeeper:
    """Watches a conversation. What is left out or summed up, the client is told."""

    def __init__(
        self,
        context: Context,
        push: Callable[[Frame], None],
        is_idle: Callable[[], bool],
        tell: Tell,
        tools: Callable[[], Sequence[Tool]] = tuple,
    ) -> None:
        self._tools = tools
        self._context = context
        self._push = push
        self._is_idle = is_idle
        self._tell = tell
        self._model: LanguageModel | None = None
        self._budget_tokens = 0
        self._most_told_chars = 0
        self._covered: list[Message] = []
        self._told: list[str] = []
        """What the person told and was covered by earlier summaries."""
        self._left_out = 0

    def configure(self, model: LanguageModel, settings: Llm) -> None:
        self._model = model
        self._budget_tokens = model.context_tokens - settings.max_tokens
        # An eighth of a small window, a token being about four characters.
        self._most_told_chars = min(MOST_CHARS, model.context_tokens // 2)

    def observe(self, frame: Frame) -> None:
        match frame:
            case ReplyDelivered():
                # Behind everything that this frame brings about: the reply is noted, the floor is free.
                asyncio.get_running_loop().call_soon(self._sum_up_if_full)
            case Condensed(text):
                self._exchange(text)
            case Prompt(messages, say=None):
                self._notice_left_out(messages)
            case _:
                pass

    def _sum_up_if_full(self) -> None:
        if self._model is None or not self._is_idle() or not self._is_full(self._model):
            return
        self._covered = oldest_turns(self._context.messages, KEPT_MESSAGES)
        if len(self._covered) < 2:
            return
        messages: list[Message] = [*self._context.messages, {"role": "user", "content": INSTRUCTION}]
        # The whole conversation, because the model has read it already: only the instruction is new.
        prompt = fitted(messages, self._model.context_tokens - SUMMARY_TOKENS, self._count)
        self._push(Condense(tuple(prompt), SUMMARY_TOKENS))

    def _is_full(self, model: LanguageModel) -> bool:
        messages = self._context.messages
        # In a small window the summary itself must have room, or the oldest turns would be lost before they are summed up.
        limit = min(FULL * self._budget_tokens, model.context_tokens - SUMMARY_TOKENS - _INSTRUCTION_TOKENS)
        tools_tokens = sum(len(str(tool.to_openai())) for tool in self._tools())
        # No model has more tokens than characters; counting takes a while.
        if characters_of(messages) <= limit - tools_tokens:
            return False
        return model.count_tokens(messages, self._tools()) > limit

    def _count(self, messages: Sequence[Message]) -> int:
        assert self._model is not None
        return self._model.count_tokens(messages, self._tools())

    def _exchange(self, summary: str) -> None:
        covered, self._covered = self._covered, []
        earlier = self._told if str(covered[0]["content"] if covered else "").startswith(SUMMARY) else []
        told = within([*earlier, *statements(covered)], self._most_told_chars)
        if told:
            summary = f"{summary}\nIn the user's words: {' '.join(told)}"
        if covered and self._context.condense(summary, covered):
            self._told = told
            self._left_out = 0
            self._tell({"type": "context-summarized", "summary": summary, "messages": len(covered)})
            # Read now what would otherwise be read while a person waits.
            self._push(PromptAhead(tuple(self._context.messages)))

    def _notice_left_out(self, prompt: tuple[Message, ...]) -> None:
        seen = {id(message) for message in prompt}
        # The last one may have been joined with what is said now.
        left_out = sum(id(message) not in seen for message in self._context.messages[:-1])
        if left_out > self._left_out:
            self._tell({"type": "context-trimmed", "messages": left_out})
        self._left_out = left_out
