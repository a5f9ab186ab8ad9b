"""What the engine's thread is asked to do."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rtvi_local.engines.llama_library import lib
from rtvi_local.engines.llama_vision import Chunk


@dataclass(frozen=True, slots=True)
class Finished:
    """The job's last result. `error` if it did not come to its end."""

    error: Exception | None = None
    log_probability: float = 0.0
    """Of the tokens that were to be scored, all together."""


class TokenSampler(Protocol):
    """Chooses what comes next. Used on the engine's thread alone."""

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        """The next token, and those that are bound to follow it; none ends the reply."""
        ...

    def free(self) -> None: ...


@dataclass(eq=False, slots=True)
class Job:
    """One reply (`sampler` given), one prompt to be read ahead, or one text to be scored (`score_from` given). `deliver` is
    called on the engine's thread."""

    sequence: int
    tokens: list[int]
    sampler: TokenSampler | None = None
    max_tokens: int = 0
    score_from: int | None = None
    """From this token on it is wanted how likely the model finds each."""
    ending: int | None = None
    """The first of `tokens` behind the last word that the person said: how likely is it that a sentence ends there?"""
    on_ending: Callable[[float], None] = lambda _: None
    """Told that log-probability, on the engine's thread."""
    urgent: bool = False
    """Somebody waits for it, although it writes nothing."""
    pictures: Mapping[int, Chunk] = field(default_factory=dict)
    """The pictures in `tokens`, by what the first of their positions has there."""
    deliver: Callable[[str | Finished], None] = lambda _: None
    cancelled: bool = False
    computing: bool = False
    """It is part of the batch at work."""
    read_s: float = 0.0
    """`time.perf_counter()` of when the last of the prompt had been read."""
    prompt_tokens: int = 0
    """How many `tokens` there were to begin with; what is written is added to them."""
    reused: int = 0
    """So many of those were in the cache already."""
    generated: int = 0
    said_something: bool = False
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    @property
    def is_ahead(self) -> bool:
        """Nobody waits for it yet."""
        return self.sampler is None and not self.urgent


@dataclass(slots=True)
class Stats:
    """Counted since the model was loaded. Written by the engine's thread, read by anyone."""

    tokens_prefilled: int = 0
    """Tokens of prompts that were computed."""
    tokens_reused: int = 0
    """Tokens of prompts that were in the cache already."""
    tokens_generated: int = 0
    steps_aborted: int = 0
    sequences_evicted: int = 0
    idle_since_s: float | None = None
    """`time.perf_counter()` of when the last work ended, None while there is work."""
