"""Real engines whose answers are kept: the second run of the same scene costs next to nothing, and no time passes in it.

For virtual time only: an answer takes as long as it is said to take, not as long as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rtvi_local.config import DEFAULT_SYSTEM_PROMPT
from rtvi_local.engines.interfaces import Float32, LanguageModel, Message, TimedWord, Transcriber, Transcription
from rtvi_local.engines.smart_turn import SmartTurn


class Answers:
    """A JSON file of what was answered to which samples."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, object] = json.loads(path.read_text()) if path.is_file() else {}
        self.asked = self.missed = 0

    def get(self, samples: np.ndarray[tuple[int], np.dtype[np.generic]]) -> tuple[str, object | None]:
        key = hashlib.sha1(samples.tobytes()).hexdigest()
        self.asked += 1
        self.missed += key not in self._kept
        return key, self._kept.get(key)

    def put(self, key: str, answer: object) -> None:
        self._kept[key] = answer

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._kept))


class KeptTranscriber:
    """A Transcriber that takes `fixed_ms` and `per_second_ms` of audio (FINDINGS of whisper-base on two cores)."""

    def __init__(self, real: Transcriber, answers: Answers, *, fixed_ms: float = 110, per_second_ms: float = 25) -> None:
        self.model_name = real.model_name
        self._real = real
        self._answers = answers
        self._fixed_ms = fixed_ms
        self._per_second_ms = per_second_ms

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        key, kept = self._answers.get(samples)
        if not isinstance(kept, dict) or (word_times and not kept["words"]):
            kept = asdict(await self._real.transcribe(samples, language=language, word_times=word_times, retry=retry))
            if retry or kept["text"]:
                self._answers.put(key, kept)
        await asyncio.sleep((self._fixed_ms + self._per_second_ms * samples.size / 16_000) / 1000)
        return Transcription(**{**kept, "words": tuple(TimedWord(**word) for word in kept["words"])})

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        return await self._real.fits(samples, texts, language=language)


class KeptTurnDetector:
    """A TurnDetector that takes 50 ms."""

    def __init__(self, real: SmartTurn, answers: Answers) -> None:
        self._real = real
        self._answers = answers

    async def probability(self, samples: Float32) -> float:
        key, kept = self._answers.get(samples)
        if kept is None:
            kept = self._real.blocking_probability(samples)
            self._answers.put(key, kept)
        await asyncio.sleep(0.05)
        assert isinstance(kept, float)
        return kept


class KeptEndings:
    """What a language model thinks of how words end (EndOfWords)."""

    def __init__(self, real: LanguageModel, answers: Answers) -> None:
        self._real = real
        self._answers = answers
        self._thread = ThreadPoolExecutor(1)
        """The model answers on a loop with a real clock."""

    def of(self, text: str) -> float | None:
        """The log-probability that a sentence ends there."""
        key, kept = self._answers.get(np.frombuffer(text.encode(), np.uint8))
        if kept is None:
            kept = self._thread.submit(asyncio.run, self._ask(text)).result()
            self._answers.put(key, kept)
        return kept if isinstance(kept, float) else None

    async def _ask(self, text: str) -> float | None:
        told: list[float] = []
        session = self._real.open_session()
        messages: list[Message] = [{"role": "system", "content": DEFAULT_SYSTEM_PROMPT}, {"role": "user", "content": text}]
        try:
            async with contextlib.aclosing(
                session.reply(messages, max_tokens=1, temperature=0.0, on_ending=told.append)
            ) as pieces:
                async for _ in pieces:
                    pass
            await asyncio.sleep(0)
        finally:
            session.close()
        return told[0] if told else None
