"""What a stage may expect of an engine. The real ones and the fakes keep to it alike.

Every coroutine here returns to the event loop it was called on and does its work in the engine's own threads; cancelling the
awaiting task (or closing the iterator) stops the work, not just the waiting, as soon as the library allows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.pcm import Int16
from rtvi_local.engines.sampling import DEFAULT_SAMPLING, Sampling
from rtvi_local.errors import UserError
from rtvi_local.tools.tool import Tool, WrittenCall

Float32 = npt.NDArray[np.float32]
"""Mono audio, shape (samples,), -1 … 1."""
Message = dict[str, object]
"""One chat message in the OpenAI form: {"role": …, "content": …}."""

LISTENING_SAMPLE_RATE = 16_000
"""Hz. What the voice activity detector, the turn detector and Whisper all take."""


class EngineError(UserError):
    """A model cannot be loaded or run. The text names the model and the fix; the command line prints it and exits 2."""


class VoiceActivityDetector(Protocol):
    """Streaming, one per conversation."""

    window_samples: int
    """How many samples of 16 kHz audio `probability` takes."""

    def probability(self, window: Float32) -> float:
        """How likely this window is speech, 0 … 1. Fast enough (< 1 ms) to be called on the event loop."""
        ...

    def reset(self) -> None:
        """Forget what came before."""
        ...


class WakeWordDetector(Protocol):
    """Streaming, one per conversation. Fast enough (< 1 ms for 20 ms of audio) to be called on the event loop."""

    def push(self, samples: Int16) -> str | None:
        """The wake word that was recognised in what came up to the end of these samples (16 kHz), if one was."""
        ...

    def reset(self) -> None:
        """Forget what came before."""
        ...

    def close(self) -> None:
        """Give its memory back. May be called more than once."""
        ...


class EchoCanceller(Protocol):
    """Streaming, one per conversation. Fast enough (< 1 ms for 20 ms of audio) to be called on the event loop."""

    def sent(self, samples: Int16) -> None:
        """The next 20 ms that the client is to play, at the rate that the canceller was opened for; silence too."""
        ...

    def cleaned(self, samples: Int16) -> Int16:
        """The next samples from the microphone (16 kHz) without the echo of what was sent. May keep a few for the next call."""
        ...


class TurnDetector(Protocol):
    """Shared by all conversations."""

    async def probability(self, samples: Float32) -> float:
        """How likely the speaker has finished, 0 … 1, given the utterance so far at 16 kHz (only its last 8 s count)."""
        ...


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as it is written, with the space and the punctuation that belong to it: put together, words are the text."""

    text: str
    start_s: float
    end_s: float
    """Seconds from the first sample, 50 to 100 ms exact."""


@dataclass(frozen=True, slots=True)
class Transcription:
    text: str
    language: str | None
    no_speech_probability: float
    mean_log_probability: float
    encode_ms: float
    decode_ms: float
    segments: tuple[tuple[float, float, str], ...] = ()
    """Phrases with their start and end in seconds from the first sample, as exact as the model's own timestamps."""
    words: tuple[TimedWord, ...] = ()
    """Where they were asked for. None for a text that a loop was cut out of."""


class Transcriber(Protocol):
    """Shared by all conversations."""

    model_name: str

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        """The words in `samples` (16 kHz, up to 30 s). `language` is an ISO 639-1 code, None to detect it. `word_times` costs
        a little more. Where the model loses itself, as it may in short audio, another try takes the better part of a second;
        without `retry` the text is empty then."""
        ...

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        """How likely (natural logarithm) it is that each of these texts was said in `samples` (16 kHz, up to 30 s)."""
        ...


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What a reply took."""

    prompt: int = 0
    cached: int = 0
    """Of the prompt, what had been read before the reply was asked for."""
    written: int = 0


class ModelSession(Protocol):
    """One conversation's place in the language model: its own part of the cache."""

    first_text_ms: float
    """How long the newest reply's first piece took once its prompt had been read."""

    @property
    def token_counts(self) -> TokenCounts:
        """Of the newest reply, so far."""
        ...

    async def prefill(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> None:
        """Read these messages into the cache, so that a reply to them, or to what begins like them, starts sooner."""
        ...

    async def calls(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Sequence[WrittenCall]:
        """What the model wants called before it answers, with arguments that fit the tools' schemas; nothing, if it wants to
        answer at once."""
        ...

    def reply(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        sampling: Sampling = DEFAULT_SAMPLING,
        tools: Sequence[Tool] = (),
        on_ending: Callable[[float], None] | None = None,
    ) -> AsyncGenerator[str, None]:
        """The reply's text, piece by piece. Closing the iterator frees the cores within 30 ms. `on_ending` is told, as soon as
        it is known and if it is, how likely (natural logarithm) a sentence ends where the user's last message does."""
        ...

    def close(self) -> None:
        """Give the place in the cache back."""
        ...


class LanguageModel(Protocol):
    """Shared by all conversations."""

    model_name: str
    context_tokens: int
    """How many tokens one session can hold."""

    @property
    def sees(self) -> bool:
        """It can look at the pictures in messages (parts of type `image_url` with a data URL); otherwise it is told that there
        is one which it cannot see."""
        ...

    def open_session(self) -> ModelSession:
        """Raises EngineError if as many sessions as the model was loaded for are open already."""
        ...

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int: ...


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """Where a whitespace-separated word of the spoken text ends."""

    end_sample: int
    """Counted from the first sample of the utterance."""


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A piece of the voice's sound, and the words whose ends are known by now (each word once, in order)."""

    samples: Int16
    words: tuple[SpokenWord, ...] = ()
    took_ms: Mapping[str, float] = field(default_factory=dict)
    """What making it took, by step (phonemes, encode, decode), as far as it is known."""


class Voice(Protocol):
    """Shared by all conversations."""

    model_name: str
    sample_rate: int
    language: str
    """ISO 639-1."""

    def speak(self, text: str) -> AsyncGenerator[SpokenChunk, None]:
        """The sound of `text` (one clause, already cleaned), in chunks, the first as soon as it exists. All chunks together
        hold as many words as `text` has whitespace-separated words."""
        ...

    def at(self, *, speed: float, speaker: int) -> Voice:
        """The same loaded voice, speaking at another speed (1 is its own) or as another of its speakers. Raises EngineError
        if it has no such speaker."""
        ...
