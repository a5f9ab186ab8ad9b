"""What the appliance hears of an utterance while it is spoken: the listening stage itself, in virtual time.

Its passes take as long as `_pass_s` says, so that every run hears the same; what they really took is noted beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import to_int16
from rtvi_local.config import Stt, Vad
from rtvi_local.engines.interfaces import (
    LISTENING_SAMPLE_RATE,
    Float32,
    Transcriber,
    Transcription,
    VoiceActivityDetector,
)
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.pipeline.frames import Audio, Frame, SpeechStarted, SpeechStopped, Transcript
from rtvi_local.stages.listening import Listening

_LEAD_S = 0.5
_TAIL_S = 0.6
_NOISE_DBFS = -66.0
"""Digital silence is what no microphone delivers."""
_PIECE = LISTENING_SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True)
class Heard:
    text: str
    """Of the last evaluation."""
    encode_ms: float
    decode_ms: float
    """Of its pass."""
    tail_s: float
    """Audio in it."""
    passes: int
    first_words_ms: float | None
    """From the first sample of the utterance to the first interim transcript."""
    interims: Sequence[str] = ()


def heard_while_spoken(samples: Float32, activity: VoiceActivityDetector, transcriber: Transcriber) -> Heard:
    """Blocks. The detector must have heard nothing before, or nothing that matters."""
    return virtual_clock.run(_Ear(transcriber, transcriber.model_name).hear(samples, activity))


@dataclass(slots=True)
class _Ear:
    """A Transcriber that notes what the real one does, and an observer of the stage that uses it."""

    real: Transcriber
    model_name: str
    calls: list[tuple[float, float, float]] = field(default_factory=list)
    """Since the last transcript: encode_ms, decode_ms, seconds of audio."""
    last: list[tuple[float, float, float]] = field(default_factory=list)
    passes: int = 0
    text: str = ""
    interims: list[str] = field(default_factory=list)
    first_words_ms: float | None = None

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        heard = await self.real.transcribe(samples, language=language, word_times=word_times, retry=retry)
        self.calls.append((heard.encode_ms, heard.decode_ms, samples.size / LISTENING_SAMPLE_RATE))
        self.passes += 1
        await asyncio.sleep(_pass_s(samples.size / LISTENING_SAMPLE_RATE))
        return heard

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        return await self.real.fits(samples, texts, language=language)

    async def hear(self, samples: Float32, activity: VoiceActivityDetector) -> Heard:
        loop = asyncio.get_running_loop()
        listening = Listening(activity, self, None, _is_invented, Vad(), Stt())
        evaluations = 0

        def observe(frame: Frame) -> None:
            nonlocal evaluations
            match frame:
                case SpeechStopped():
                    evaluations += 1
                    listening.evaluate(evaluations)
                case SpeechStarted() | Transcript():
                    self._note(frame, loop.time())
                case _:
                    pass

        listening.emit = observe
        for piece in _pieces(samples):
            await asyncio.sleep(_PIECE / LISTENING_SAMPLE_RATE)
            listening.receive(Audio(piece, loop.time() * 1000))
        await asyncio.sleep(5)
        await listening.close()
        encode_ms, decode_ms, tail_s = (sum(call[part] for call in self.last) for part in range(3))
        return Heard(self.text, encode_ms, decode_ms, tail_s, self.passes, self.first_words_ms, tuple(self.interims))

    def _note(self, frame: Frame, now_s: float) -> None:
        if not isinstance(frame, Transcript):
            return
        if self.calls:
            self.last, self.calls = self.calls, []
        if frame.final:
            self.text = frame.text
        elif frame.text:
            self.interims.append(frame.text)
            if self.first_words_ms is None:
                self.first_words_ms = (now_s - _LEAD_S) * 1000


def _pass_s(audio_s: float) -> float:
    """FINDINGS of whisper-base on two cores."""
    return 0.11 + 0.025 * audio_s


def _is_invented(heard: Transcription, samples: Float32) -> bool:
    return looks_invented(heard, samples.size / LISTENING_SAMPLE_RATE, speech_energy_db(samples))


def _pieces(samples: Float32) -> list[np.ndarray[tuple[int], np.dtype[np.int16]]]:
    lead, tail = (np.zeros(int(seconds * LISTENING_SAMPLE_RATE), np.float32) for seconds in (_LEAD_S, _TAIL_S))
    sound = np.concatenate((lead, samples, tail))
    sound += np.random.default_rng(1).standard_normal(sound.size).astype(np.float32) * np.float32(10 ** (_NOISE_DBFS / 20))
    pcm = to_int16(sound)
    return [pcm[start : start + _PIECE] for start in range(0, pcm.size, _PIECE)]
