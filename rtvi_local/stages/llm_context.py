"""Keeps the conversation: before the model it turns what was said into a prompt, behind the voice it notes what was heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rtvi_local.config import Llm
from rtvi_local.engines.interfaces import LanguageModel
from rtvi_local.pipeline.context import Context, Message, characters_of, fitted, tool_messages
from rtvi_local.pipeline.frames import (
    Clause,
    Configured,
    Frame,
    Heard,
    Interrupted,
    Prompt,
    PromptAhead,
    ReplyDelivered,
    ReplyStarted,
    ToolCall,
    ToolResult,
    Transcript,
    TurnCommitted,
    TurnStarted,
    UserTurn,
)
from rtvi_local.pipeline.languages import asked_in, language_of_turn
from rtvi_local.pipeline.stage import Stage
from rtvi_local.tools.tool import Tool


class LlmContext(Stage):
    """UserTurn in, Prompt out. The person's words are remembered only when their turn is committed."""

    name: ClassVar[str] = "llm_context"

    def __init__(
        self,
        context: Context,
        fit: Callable[[list[Message]], list[Message]],
        tools: Callable[[], Sequence[Tool]] = tuple,
        *,
        follows_language: bool = False,
    ) -> None:
        """`tools` are those that the model is told of. With `follows_language` each turn is answered in the language that it
        was spoken in."""
        super().__init__()
        self._follows_language = follows_language
        self._language: str | None = None
        """Of the conversation so far."""
        self._context = context
        self._fit = fit
        self._tools = tools
        self._tentative: UserTurn | None = None

    def receive(self, frame: Frame) -> None:
        self.forward(frame)
        match frame:
            case Configured(config, engines):
                self._fit = fitter(engines.language_model, config.llm, self._tools)
                self._follows_language = config.stt.language == "auto"
            case UserTurn(say=str()):
                self._tentative = None
                self.emit(Prompt((), frame.revision, frame.speak_reply, frame.say))
            case UserTurn():
                self._tentative = frame
                language = self._language_of(frame)
                asked = asked_in(frame.text, language, self._language)
                messages = self._context.with_user(asked) if frame.text else self._context.messages
                self.emit(Prompt(tuple(self._fit(messages)), frame.revision, frame.speak_reply, language=language))
            case TurnStarted():
                self._read_ahead("")
            case Transcript(text, False):
                self._read_ahead(text)
            case TurnCommitted(revision) if self._tentative is not None and self._tentative.revision == revision:
                if self._tentative.text:
                    self._language = self._language_of(self._tentative)
                    self._context.add_user(self._tentative.text)
                self._tentative = None
            case _:
                pass

    def _language_of(self, turn: UserTurn) -> str | None:
        return language_of_turn(turn.language, turn.text, self._language) if self._follows_language else None

    def _read_ahead(self, text: str) -> None:
        self.emit(PromptAhead(tuple(self._fit(self._context.with_user(text)))))


@dataclass(slots=True)
class _Round:
    """One inference of a reply."""

    heard: dict[int, str] = field(default_factory=dict)
    """Per segment, in order."""
    calls: list[ToolCall] = field(default_factory=list)
    """What it ended with."""
    results: dict[str, object] = field(default_factory=dict)
    """By the call's id. What was cancelled has none, and is not remembered."""

    @property
    def messages(self) -> list[Message]:
        text = "".join(self.heard.values()).strip()
        done = [(call, self.results[call.call_id]) for call in self.calls if call.call_id in self.results]
        if done:
            return tool_messages(done, text)
        return [{"role": "assistant", "content": text}] if text else []


class LlmContextRecorder(Stage):
    """The same name's second place in a pipeline: remembers of each reply what was heard, when it ends or is cut off, and what
    tools did for it, heard or not."""

    name: ClassVar[str] = "llm_context"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._rounds = [_Round()]
        self._unremembered: set[int] = set()
        self._revision = 0

    def receive(self, frame: Frame) -> None:
        match frame:
            case ReplyStarted() | Heard() | Clause() if frame.revision > self._revision:
                self._revision = frame.revision
                self._rounds = [_Round()]
                self._unremembered.clear()
            case ReplyStarted(revision) if revision == self._revision:
                self._rounds.append(_Round())
            case _:
                pass
        match frame:
            case Clause(remember=False):
                self._unremembered.add(frame.segment_id)
            case Heard() if frame.segment_id not in self._unremembered:
                self._round_of(frame.segment_id).heard[frame.segment_id] = frame.text[: frame.heard_chars]
            case Clause():
                self._rounds[-1].heard[frame.segment_id] = "" if frame.speak else frame.text
            case ToolCall() if frame.revision == self._revision:
                self._rounds[-1].calls.append(frame)
            case ToolResult(call, content, revision) if content is not None and revision == self._revision:
                self._rounds[-1].results[call.call_id] = content
            case Interrupted(revision, _, rejoins) if revision >= self._revision:
                if rejoins:
                    # Half a question was answered; remembered, the answer would stand between the halves.
                    for each in self._rounds:
                        each.heard.clear()
                self._note()
            case ReplyDelivered(revision) if revision >= self._revision:
                self._note()
            case _:
                pass
        self.forward(frame)

    def _round_of(self, segment_id: int) -> _Round:
        return next((each for each in reversed(self._rounds) if segment_id in each.heard), self._rounds[-1])

    def _note(self) -> None:
        self._context.messages += [message for each in self._rounds for message in each.messages]
        self._rounds = [_Round()]


def fitter(
    model: LanguageModel, settings: Llm, tools: Callable[[], Sequence[Tool]] = tuple
) -> Callable[[list[Message]], list[Message]]:
    """`fitted` with its limits filled in. Counting is skipped where even one token a character would fit."""
    budget_tokens = model.context_tokens - settings.max_tokens

    def fit(messages: list[Message]) -> list[Message]:
        offered = tools()
        characters = characters_of(messages) + sum(len(str(tool.to_openai())) for tool in offered)
        if characters <= budget_tokens:
            return messages
        return fitted(messages, budget_tokens, lambda kept: model.count_tokens(kept, offered))

    return fit
