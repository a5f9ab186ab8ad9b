"""Whisper on CTranslate2, with an encoder window as long as the utterance instead of 30 s.

Whisper was trained on 30 s windows, and every library pads to that: most of an utterance's time goes into encoding silence. The
encoder accepts less. A window of the utterance's length + 2 s, of 5 s at least, with timestamps on, makes about as many word
errors (`python -m rtvi_local.bench.wer` compares both ways) in a quarter of the time. What remains are rare loops, where the
decoder starts over at the end of the text. They are recognised, and then the 30 s window decides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

from rtvi_local.engines.courtesy import Courtesy
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, TimedWord, Transcription
from rtvi_local.engines.invented import looks_invented, repeats_itself, speech_energy_db, without_restart
from rtvi_local.engines.log_mel import FRAMES_PER_S, log_mel
from rtvi_local.engines.model_files import loading, require_files
from rtvi_local.engines.whisper_fits import log_likelihoods
from rtvi_local.engines.whisper_words import timed_words
from rtvi_local.engines.worker import Worker

MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
FULL_WINDOW_S = 30
LEAST_WINDOW_S = 5
MARGIN_S = 2
_SECONDS_PER_TIMESTAMP = 0.02
_LATEST_START_S = 1.0
"""When the first word may begin, as in OpenAI's own decoder."""
_MAX_TOKENS = 224
_TOKENS_PER_S = 10
"""Fast speakers need 8. A decoder that started over stops there, at 6 ms a token."""
_LEAST_REST_SAMPLES = LISTENING_SAMPLE_RATE // 2


@dataclass(frozen=True, slots=True)
class _Decoded:
    segments: tuple[tuple[float, float, str], ...]
    tokens: tuple[int, ...]
    """Of the text alone; none if a loop was cut out of it."""
    no_speech_probability: float
    mean_log_probability: float
    ran_away: bool

    @property
    def text(self) -> str:
        return " ".join(text for _, _, text in self.segments)


class Whisper:
    """One model, shared by all conversations (Transcriber)."""

    def __init__(self, name: str, model: WhisperModel) -> None:
        self.model_name = name
        self._model = model.model
        self._tokens = model.hf_tokenizer
        self._tokenizers: dict[str, Tokenizer] = {}
        self._suppressed: dict[str, list[int]] = {}
        self._worker = Worker(name)
        self.courtesy = Courtesy()
        """Asked where a first look did not do, and somebody has waited for that already."""
        self.languages: tuple[str, ...] = tuple(model.supported_languages)
        """ISO 639-1 codes that `transcribe` takes; ('en',) for a model that knows nothing else."""

    @classmethod
    def load(cls, directory: Path, *, device: str, threads: int) -> Whisper:
        """Blocking. On a graphics card it warms up with the longest window too, so that a lack of memory shows now and not in
        the middle of a conversation; on the CPU memory_needs.py looks, and it would hold both cores for most of a second.
        Raises EngineError."""
        require_files(directory, *MODEL_FILES)
        with loading(directory, device=device):
            precision = "int8" if device == "cpu" else "float16"
            # No queue of its own: work that waits in there could not be cancelled.
            model = WhisperModel(
                str(directory), device=device, compute_type=precision, cpu_threads=threads, max_queued_batches=1
            )
            whisper = cls(directory.name, model)
            for window_s in (LEAST_WINDOW_S,) if device == "cpu" else (FULL_WINDOW_S, LEAST_WINDOW_S):
                hum = np.sin(np.arange(2 * LISTENING_SAMPLE_RATE) * 0.05, dtype=np.float32) * np.float32(0.1)
                whisper._decode(whisper._encode(hum, window_s), whisper.languages[0], 2.0, max_tokens=16)
        return whisper

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        """The words in `samples` (16 kHz; of more than 30 s the last 30). `language` is an ISO 639-1 code, None to detect it.

        Raises ValueError for a language that the model does not know. Cancelling takes effect between encoding, decoding and
        timing the words.
        """
        if language is not None and language not in self.languages:
            raise ValueError(f"{self.model_name} knows no language {language!r}, only {', '.join(self.languages)}")
        samples = samples[-FULL_WINDOW_S * LISTENING_SAMPLE_RATE :]
        first = await self._transcribe_window(samples, language, word_times=word_times, retry=retry)
        ended_s = first.segments[-1][1] if first.segments else 0.0
        rest = samples[int(ended_s * LISTENING_SAMPLE_RATE) :]
        if len(samples) <= (FULL_WINDOW_S - MARGIN_S) * LISTENING_SAMPLE_RATE or len(rest) < _LEAST_REST_SAMPLES or not ended_s:
            return first
        # Where the audio fills the window, Whisper leaves a phrase that it cannot see the end of to the next one.
        second = await self._transcribe_window(rest, first.language, word_times=word_times, retry=retry)
        if looks_invented(second, len(rest) / LISTENING_SAMPLE_RATE, speech_energy_db(rest)):
            return first
        return replace(
            first,
            text=f"{first.text} {second.text}",
            encode_ms=first.encode_ms + second.encode_ms,
            decode_ms=first.decode_ms + second.decode_ms,
            segments=first.segments + tuple((ended_s + start, ended_s + end, text) for start, end, text in second.segments),
            words=first.words
            + tuple(replace(word, start_s=ended_s + word.start_s, end_s=ended_s + word.end_s) for word in second.words),
        )

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        """See Transcriber. Takes about 0.1 s for a dozen texts; cancelling takes effect in the middle of that."""
        samples = samples[-FULL_WINDOW_S * LISTENING_SAMPLE_RATE :]
        duration_s = len(samples) / LISTENING_SAMPLE_RATE
        with self.courtesy.asked():
            encoded = await self._worker.run(self._encode, samples, _window_s(duration_s))
            return await self._worker.run(log_likelihoods, self._model, self._tokenizer(language), encoded, texts, duration_s)

    def close(self) -> None:
        """Wait for what runs and end the thread."""
        self._worker.close()

    async def _transcribe_window(
        self, samples: Float32, language: str | None, *, word_times: bool, retry: bool
    ) -> Transcription:
        duration_s = len(samples) / LISTENING_SAMPLE_RATE
        window_s = _window_s(duration_s)
        encode_s = decode_s = 0.0
        spoken = language
        with ExitStack() as again:
            while True:
                started = time.perf_counter()
                encoded = await self._worker.run(self._encode, samples, window_s)
                encode_s += time.perf_counter() - started
                started = time.perf_counter()
                if spoken is None:
                    spoken = await self._worker.run(self._detect_language, encoded)
                max_tokens = (
                    _MAX_TOKENS if window_s == FULL_WINDOW_S else min(24 + int(_TOKENS_PER_S * duration_s), _MAX_TOKENS)
                )
                decoded = await self._worker.run(self._decode, encoded, spoken, duration_s, max_tokens=max_tokens)
                decode_s += time.perf_counter() - started
                if not decoded.ran_away or window_s == FULL_WINDOW_S:
                    break
                if not retry:
                    decoded = replace(decoded, segments=(), tokens=())
                    break
                again.enter_context(self.courtesy.asked())
                window_s = FULL_WINDOW_S
        words: tuple[TimedWord, ...] = ()
        if word_times:
            started = time.perf_counter()
            tokenizer = self._tokenizer(spoken)
            words = await self._worker.run(timed_words, self._model, tokenizer, encoded, decoded.tokens, duration_s)
            decode_s += time.perf_counter() - started
        return Transcription(
            text=decoded.text,
            language=spoken,
            no_speech_probability=decoded.no_speech_probability,
            mean_log_probability=decoded.mean_log_probability,
            encode_ms=encode_s * 1000,
            decode_ms=decode_s * 1000,
            segments=decoded.segments,
            words=words,
        )

    def _encode(self, samples: Float32, window_s: float) -> ctranslate2.StorageView:
        frames = int(window_s * FRAMES_PER_S) // 2 * 2  # the encoder halves them
        features = log_mel(samples, self._model.n_mels, frames)
        return self._model.encode(ctranslate2.StorageView.from_array(features[None]))

    def _detect_language(self, encoded: ctranslate2.StorageView) -> str:
        if not self._model.is_multilingual:
            return self.languages[0]
        token: str = self._model.detect_language(encoded)[0][0][0]
        return token.strip("<|>")

    def _decode(self, encoded: ctranslate2.StorageView, language: str, duration_s: float, *, max_tokens: int) -> _Decoded:
        tokenizer = self._tokenizer(language)
        result = self._model.generate(
            encoded,
            [tokenizer.sot_sequence],
            beam_size=1,
            max_length=2 * max_tokens,  # CTranslate2 gives half of it to the text
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed[language],
            max_initial_timestamp_index=int(_LATEST_START_S / _SECONDS_PER_TIMESTAMP),
        )[0]
        tokens: list[int] = result.sequences_ids[0]
        segments, kept = _segments(tokens, tokenizer, duration_s)
        text = " ".join(text for _, _, text in segments)
        cut_off = len(tokens) >= max_tokens
        # In a turn of more than 20 s sentences may really have been said again and again.
        once = text if max_tokens == _MAX_TOKENS else without_restart(text, duration_s, cut_off=cut_off)
        if restarted := len(once) < len(text):
            # What came before is right: to decode all of it anew in a longer window would cost a second for the same words.
            segments = ((segments[0][0], duration_s, once),)
        return _Decoded(
            segments=segments,
            tokens=() if restarted else kept,
            no_speech_probability=result.no_speech_prob,
            mean_log_probability=result.scores[0] * len(tokens) / (len(tokens) + 1),
            ran_away=repeats_itself(once) or (cut_off and not restarted),
        )

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            multilingual = self._model.is_multilingual
            tokenizer = Tokenizer(self._tokens, multilingual, task="transcribe", language=language)
            self._suppressed[language] = list(get_suppressed_tokens(tokenizer, [-1]))
            self._tokenizers[language] = tokenizer
        return self._tokenizers[language]


def _window_s(duration_s: float) -> float:
    return min(max(LEAST_WINDOW_S, duration_s + MARGIN_S), FULL_WINDOW_S)


def _segments(
    tokens: list[int], tokenizer: Tokenizer, duration_s: float
) -> tuple[tuple[tuple[float, float, str], ...], tuple[int, ...]]:
    """Text between two timestamps, and all its tokens. What begins after the audio's end was not said, and is left out."""
    segments: list[tuple[float, float, str]] = []
    kept: list[int] = []
    start_s = 0.0
    words: list[int] = []

    def end_segment(end_s: float) -> None:
        text = tokenizer.decode(words).strip()
        if text and start_s < max(duration_s, _SECONDS_PER_TIMESTAMP):
            segments.append((start_s, min(end_s, duration_s), text))
            kept.extend(words)
        words.clear()

    for token in tokens:
        if token >= tokenizer.timestamp_begin:
            at_s = round((token - tokenizer.timestamp_begin) * _SECONDS_PER_TIMESTAMP, 2)
            end_segment(at_s)
            start_s = at_s
        elif token < tokenizer.eot:
            words.append(token)
    end_segment(duration_s)
    return tuple(segments), tuple(kept)
