"""What was measured."""

from __future__ import annotations

from typing import ClassVar

from rtvi_local.rtvi.messages.base import Message, Part


class Metric(Part, frozen=True):
    """A time in seconds, or a count of characters."""

    processor: str
    value: int | float
    model: str | None = None


class TokenUsage(Part, frozen=True):
    """Of an answer. Of its prompt, `cache_read_input_tokens` had been read before the answer was asked for."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cache_read_input_tokens: int | None = None


class AudioSeconds(Part, frozen=True):
    audio_seconds: float


class SttUsage(Part, frozen=True):
    """How much sound was listened to for the words of a turn."""

    processor: str
    value: AudioSeconds
    model: str | None = None


class FirstAudio(Part, frozen=True):
    """Seconds until the voice's first audible sound, and how much of that was silence at its start."""

    processor: str
    ttfa: float
    ttfb: float
    leading_silence: float
    model: str | None = None


class FirstAnswerToken(Part, frozen=True):
    """Seconds until the model's first token of the answer, and how much of that it thought; not sent, as no model here is
    known to think before it answers."""

    processor: str
    ttfat: float
    ttfb: float
    thinking_time: float
    model: str | None = None


class Metrics(Message, frozen=True):
    """Measured times, in seconds, and amounts."""

    type: ClassVar[str] = "metrics"
    since: ClassVar[str] = "0.1"
    ttfb: list[Metric] | None = None
    processing: list[Metric] | None = None
    characters: list[Metric] | None = None
    tokens: list[TokenUsage] | None = None
    stt_usage: list[SttUsage] | None = None
    ttfa: list[FirstAudio] | None = None
    ttfat: list[FirstAnswerToken] | None = None
