"""Keeps the conversation: before the model it turns what was said into a prompt, behind the voice it notes what was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rtvi_local.config import Llm
from rtvi_local.engines.interfaces import LanguageModel
from rtvi_local.pipeline.context import Context, Message, fitted
from rtvi_local.pipeline.frames import (
    Clause,
    Configured,
    Frame,
    Heard,
    Interrupted,
    Prompt,
    PromptAhead,
    ReplyDelivered,
    Transcript,
    TurnCommitted,
    TurnStarted,
    UserTurn,
)
from rtvi_local.pipeline.stage import Stage


class LlmContext(Stage):
    """UserTurn in, Prompt out. The person's words are remembered only when their turn is committed."""

    name: ClassVar[str] = "llm_context"

    def __init__(self, context: Context, fit: Callable[[list[Message]], list[Message]]) -> None:
        super().__init__()
        self._context = context
        self._fit = fit
        self._tentative: UserTurn | None = None

    def receive(self, frame: Frame) -> None:
        self.forward(frame)
        match frame:
            case Configured(config, engines):
                self._fit = fitter(engines.language_model, config.llm)
            case UserTurn(say=str()):
                self._tentative = None
                self.emit(Prompt((), frame.revision, frame.speak_reply, frame.say))
            case UserTurn():
                self._tentative = frame
                messages = self._context.with_user(frame.text) if frame.text else self._context.messages
                self.emit(Prompt(tuple(self._fit(messages)), frame.revision, frame.speak_reply))
            case TurnStarted():
                self._read_ahead("")
            case Transcript(text, False):
                self._read_ahead(text)
            case TurnCommitted(revision) if self._tentative is not None and self._tentative.revision == revision:
                if self._tentative.text:
                    self._context.add_user(self._tentative.text)
                self._tentative = None
            case _:
                pass

    def _read_ahead(self, text: str) -> None:
        self.emit(PromptAhead(tuple(self._fit(self._context.with_user(text)))))


class LlmContextRecorder(Stage):
    """The same name's second place in a pipeline: remembers of each reply what was heard, when it ends or is cut off."""

    name: ClassVar[str] = "llm_context"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._heard: dict[int, str] = {}
        """Per segment of the current reply, in order."""
        self._revision = 0

    def receive(self, frame: Frame) -> None:
        match frame:
            case Heard() | Clause() if frame.revision > self._revision:
                self._revision = frame.revision
                self._heard.clear()
            case _:
                pass
        match frame:
            case Heard():
                self._heard[frame.segment_id] = frame.text[: frame.heard_chars]
            case Clause(speak=False):
                self._heard[frame.segment_id] = frame.text
            case Interrupted(revision, _, True) if revision >= self._revision:
                # Half a question was answered; remembered, the answer would stand between the halves.
                self._heard.clear()
            case Interrupted(revision) | ReplyDelivered(revision) if revision >= self._revision and self._heard:
                self._context.add_assistant("".join(self._heard.values()))
                self._heard.clear()
            case _:
                pass
        self.forward(frame)


def fitter(model: LanguageModel, settings: Llm) -> Callable[[list[Message]], list[Message]]:
    """`fitted` with its limits filled in. Counting is skipped where even one token a character would fit."""
    budget_tokens = model.context_tokens - settings.max_tokens

    def fit(messages: list[Message]) -> list[Message]:
        characters = sum(len(str(message.get("content"))) for message in messages)
        if characters <= budget_tokens:
            return messages
        return fitted(messages, budget_tokens, model.count_tokens)

    return fit
