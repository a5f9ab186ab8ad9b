"""The engines that a conversation talks to, as one thing to pass around."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rtvi_local.engines.echo_canceller import open_echo_canceller
from rtvi_local.engines.interfaces import (
    EchoCanceller,
    LanguageModel,
    Transcriber,
    TurnDetector,
    Voice,
    VoiceActivityDetector,
    WakeWordDetector,
)
from rtvi_local.stages.rolling_transcription import IsInvented


@dataclass(frozen=True, slots=True)
class Engines:
    """Shared by all conversations, but for voice activity, of which each has its own."""

    open_activity: Callable[[], VoiceActivityDetector]
    turn_detector: TurnDetector | None
    transcriber: Transcriber
    is_invented: IsInvented
    language_model: LanguageModel
    voice: Voice
    voice_for: Callable[[str], Awaitable[Voice | None]] | None = None
    """A voice of a language (ISO 639-1), loaded if it is not, at its own speed; None if none is installed."""
    open_wake_words: Callable[[Sequence[str]], WakeWordDetector] | None = None
    """Listens for some of `wake_word.SMALL_MODELS`; without it, all trigger words are looked for in transcripts."""
    open_echo_canceller: Callable[[int], EchoCanceller] = open_echo_canceller
    """For an output of that many Hz. Raises EngineError where its library is missing."""
