"""Engines without models, for tests of what is built on them: a whole conversation in milliseconds.

They keep to `interfaces`, compute next to nothing, and let time pass with asyncio.sleep alone, so that under
`rtvi_local.virtual_clock` every run is the same.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.engines.interfaces import (
    LISTENING_SAMPLE_RATE,
    EngineError,
    Float32,
    Message,
    SpokenChunk,
    SpokenWord,
    TimedWord,
    TokenCounts,
    Transcription,
)
from rtvi_local.engines.sampling import DEFAULT_SAMPLING, Sampling
from rtvi_local.tools.tool import Tool, WrittenCall


async def _pass_ms(milliseconds: float) -> None:
    await asyncio.sleep(milliseconds / 1000)


class ScriptedVad:
    """Loud is speech, quiet is not (VoiceActivityDetector)."""

    window_samples = 512

    def __init__(self, loud_dbfs: float = -40) -> None:
        self._least_rms = 10 ** (loud_dbfs / 20)

    def probability(self, window: Float32) -> float:
        return 0.95 if float(np.sqrt(np.mean(np.square(window)))) >= self._least_rms else 0.05

    def reset(self) -> None:
        """Nothing is remembered."""


class LoudWakeWord:
    """Whatever is louder than this is the wake word (WakeWordDetector), and for a while longer, as to the small models."""

    def __init__(self, word: str = "okay nabu", least_peak: int = 20_000, *, lasts_ms: int = 0, late_ms: int = 0) -> None:
        """It is recognised `late_ms` after it was heard."""
        self._word = word
        self._least_peak = least_peak
        self._lasts_samples = lasts_ms * LISTENING_SAMPLE_RATE // 1000
        self._late_samples = late_ms * LISTENING_SAMPLE_RATE // 1000
        self._since_samples: int | None = None
        """When it was last heard."""
        self.heard_samples = 0
        self.resets = 0
        self.closed = False

    def push(self, samples: Int16) -> str | None:
        self.heard_samples += samples.size
        if samples.size and int(samples.max()) >= self._least_peak:
            self._since_samples = 0
        elif self._since_samples is not None:
            self._since_samples += samples.size
        if self._since_samples is None or self._since_samples < self._late_samples:
            return None
        return self._word if self._since_samples <= self._late_samples + self._lasts_samples else None

    def reset(self) -> None:
        self.resets += 1
        self._since_samples = None

    def close(self) -> None:
        self.closed = True


class ScriptedTurnDetector:
    """Gives these probabilities one after the other, then `otherwise` (TurnDetector)."""

    def __init__(self, probabilities: Iterable[float] = (), *, otherwise: float = 0.95, delay_ms: float = 0) -> None:
        self._script = iter(tuple(probabilities))
        self._otherwise = otherwise
        self._delay_ms = delay_ms

    async def probability(self, samples: Float32) -> float:
        del samples
        answer = next(self._script, self._otherwise)
        await _pass_ms(self._delay_ms)
        return answer


class EchoTranscriber:
    """Gives these texts one after the other, or what a function makes of the audio; after that, and by default, a text that
    says how long the audio was (Transcriber)."""

    model_name = "echo"

    def __init__(
        self, texts: Iterable[str] | Callable[[Float32], str] = (), *, delay_ms: float = 0, language: str = "en"
    ) -> None:
        self._function = texts if callable(texts) else None
        self._script = iter(()) if callable(texts) else iter(tuple(texts))
        self._delay_ms = delay_ms
        self._language = language
        self.heard_samples: list[int] = []
        """The length of each audio that it was given."""

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        self.heard_samples.append(len(samples))
        duration_s = len(samples) / LISTENING_SAMPLE_RATE
        if self._function is not None:
            text = self._function(samples)
        else:
            text = next(self._script, f"I spoke for {duration_s:.1f} seconds.")
        await _pass_ms(self._delay_ms)
        return Transcription(
            text=text,
            language=language or self._language,
            no_speech_probability=0.0 if text else 1.0,
            mean_log_probability=-0.1,
            encode_ms=self._delay_ms,
            decode_ms=0.0,
            segments=((0.0, duration_s, text),) if text else (),
            words=_evenly_timed(text, duration_s) if word_times else (),
        )

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        """The first text is what was said."""
        return [0.0, *[-100.0] * (len(texts) - 1)]


def _evenly_timed(text: str, duration_s: float) -> tuple[TimedWord, ...]:
    words = text.split()
    each_s = duration_s / max(1, len(words))
    return tuple(TimedWord(f" {word}", number * each_s, (number + 1) * each_s) for number, word in enumerate(words))


Scripted = str | Sequence[WrittenCall]


class ScriptedModel:
    """Gives these replies one after the other, or what a function makes of the messages; after that, and by default, it says
    back what the user said (LanguageModel). A reply is text, or calls of tools."""

    model_name = "scripted"

    def __init__(
        self,
        replies: Iterable[Scripted] | Callable[[Sequence[Message]], Scripted] = (),
        *,
        prefill_ms: float = 0,
        first_token_ms: float = 0,
        token_ms: float = 0,
        context_tokens: int = 4096,
        max_sessions: int = 4,
        sees: bool = False,
    ) -> None:
        self.context_tokens = context_tokens
        self.sees = sees
        self.prefill_ms = prefill_ms
        self.first_token_ms = first_token_ms
        self.token_ms = token_ms
        self._function = replies if callable(replies) else None
        self._script = iter(()) if callable(replies) else iter(tuple(replies))
        self._free_sessions = max_sessions
        self.offered: list[tuple[Tool, ...]] = []
        """The tools that went with each prompt, where there were any."""
        self.thought_of: str | None = None
        """What it will say, since it did not call anything."""
        self.prompts: list[list[Message]] = []
        """What each reply was asked to answer."""
        self.sampled: list[Sampling] = []
        """How each reply was to be chosen."""
        self.prefilled: list[list[Message]] = []
        self.ending: Callable[[Sequence[Message]], float] | None = None
        """What it thinks of the end of the last message."""
        self.replies_closed_early = 0

    def open_session(self) -> ScriptedModelSession:
        if self._free_sessions == 0:
            raise EngineError("scripted: every session is taken")
        self._free_sessions -= 1
        return ScriptedModelSession(self)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Words, and four for each message's frame."""
        told = sum(len(str(tool.to_openai()).split()) for tool in tools)
        return told + sum(len(str(message.get("content") or "").split()) + 4 for message in messages)

    def answer(self, messages: Sequence[Message]) -> Scripted:
        if self._function is not None:
            return self._function(messages)
        said = next((str(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), "nothing")
        return next(self._script, f"You said: {said}")

    def give_back(self) -> None:
        self._free_sessions += 1


class ScriptedModelSession:
    """One conversation's place (ModelSession)."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model
        self._open = True
        self.first_text_ms = 0.0
        self.token_counts = TokenCounts()

    async def prefill(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> None:
        del tools
        self._model.prefilled.append(copy.deepcopy(list(messages)))
        await _pass_ms(self._model.prefill_ms)

    async def calls(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Sequence[WrittenCall]:
        """Those that its script has now."""
        model = self._model
        model.offered.append(tuple(tools))
        answer = model.answer(messages)
        if isinstance(answer, str):
            model.thought_of = answer
            return ()
        model.prompts.append(copy.deepcopy(list(messages)))
        await _pass_ms(model.first_token_ms)
        return answer

    async def reply(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        sampling: Sampling = DEFAULT_SAMPLING,
        tools: Sequence[Tool] = (),
        on_ending: Callable[[float], None] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Word by word, each with the space before it."""
        del temperature, tools
        model = self._model
        model.sampled.append(sampling)
        if on_ending is not None and model.ending is not None:
            on_ending(model.ending(messages))
        model.prompts.append(copy.deepcopy(list(messages)))
        answer, model.thought_of = model.thought_of, None
        if answer is None:
            thought = model.answer(messages)
            answer = thought if isinstance(thought, str) else ""
        tokens = re.findall(r"\s*\S+", answer)[:max_tokens]
        complete = False
        try:
            await _pass_ms(model.first_token_ms)
            for number, token in enumerate(tokens):
                if number:
                    await _pass_ms(model.token_ms)
                self.token_counts = TokenCounts(model.count_tokens(messages), 0, number + 1)
                yield token
            complete = True
        finally:
            model.replies_closed_early += not complete

    def close(self) -> None:
        if self._open:
            self._open = False
            self._model.give_back()


class ToneVoice:
    """A sine tone for each word, 60 ms for each of its characters, followed by a character's length of silence (Voice)."""

    model_name = "tone"

    def __init__(
        self,
        *,
        sample_rate: int = 22_050,
        character_ms: float = 60,
        chunk_ms: float = 300,
        delay_ms: float = 0,
        language: str = "en",
    ) -> None:
        self.sample_rate = sample_rate
        self.language = language
        self.spoken: list[str] = []
        """Every text that it was given."""
        self._character_ms = character_ms
        self._character_samples = round(sample_rate * character_ms / 1000)
        self._chunk_samples = round(sample_rate * chunk_ms / 1000)
        self._delay_ms = delay_ms

    async def speak(self, text: str) -> AsyncGenerator[SpokenChunk, None]:
        """`delay_ms` before each chunk of `chunk_ms`."""
        self.spoken.append(text)
        samples, ends = self._sound(text.split())
        for start in range(0, len(samples), self._chunk_samples):
            await _pass_ms(self._delay_ms)
            stop = start + self._chunk_samples
            words = tuple(SpokenWord(end) for end in ends if start < end <= stop)
            yield SpokenChunk(samples[start:stop], words)

    def at(self, *, speed: float, speaker: int) -> ToneVoice:
        if speaker:
            raise EngineError(f"voice {self.model_name} has 1 speaker(s), so tts.speaker cannot be {speaker}")
        voice = copy.copy(self)
        voice._character_samples = round(self.sample_rate * self._character_ms / speed / 1000)
        return voice

    def close(self) -> None:
        """Nothing to free."""

    def _sound(self, words: Sequence[str]) -> tuple[Int16, list[int]]:
        pieces: list[Int16] = []
        ends: list[int] = []
        for number, word in enumerate(words):
            length = len(word) * self._character_samples
            pitch_hz = 220 * 2 ** ((number % 12) / 12)
            tone = 8000 * np.sin(2 * np.pi * pitch_hz / self.sample_rate * np.arange(length))
            ends.append(sum(map(len, pieces)) + length)
            pieces += [tone.astype(np.int16), np.zeros(self._character_samples, np.int16)]
        return (np.concatenate(pieces) if pieces else np.empty(0, np.int16)), ends
