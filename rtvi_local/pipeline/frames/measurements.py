"""What work took, for whoever wants to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Measured:
    """A time that somebody may want to see, in seconds as RTVI metrics count them."""

    processor: str
    kind: Literal["ttfb", "processing"]
    value_s: float
    model: str = ""
    revision: int = 0
    silent_s: float | None = None
    """Of a voice's first sound: how much of it is silence, before anything can be heard."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a piece of work took, by the names that RTVI's metrics give it: prompt_tokens, completion_tokens and
    cache_read_input_tokens; characters; audio_seconds."""

    processor: str
    amounts: Mapping[str, float]
    model: str = ""
    revision: int = 0
