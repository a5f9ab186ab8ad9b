"""What the language model is asked, and writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages for the model to answer, in the OpenAI chat form."""

    messages: tuple[dict[str, object], ...]
    revision: int
    speak_reply: bool = True
    say: str | None = None
    """The reply, where it is known without asking the model."""
    language: str | None = None
    """What the reply is asked for in, where that is detected."""


@dataclass(frozen=True, slots=True)
class PromptAhead:
    """What the next prompt will begin with, as far as it is known while the person speaks: for the model to read ahead."""

    messages: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The model begins to answer (one per inference)."""

    revision: int
    speak_reply: bool = True
    language: str | None = None
    """What it was asked to answer in, if anything."""


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """A piece of the reply's text, as the model wrote it."""

    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The model has said all it will say in this inference. Unless `final`, a tool was called, and more of the reply follows
    when its result is there."""

    revision: int
    final: bool = True


@dataclass(frozen=True, slots=True)
class Condense:
    """Nobody is talking: have the model sum up these messages, the last of which asks for it. Given up when somebody speaks."""

    messages: tuple[dict[str, object], ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Condensed:
    """The summary that was asked for."""

    text: str
