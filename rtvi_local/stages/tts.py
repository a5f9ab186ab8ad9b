"""The voice: the reply's tokens in, clauses and their sound out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import ClassVar

import numpy as np

from rtvi_local.audio.pcm import Int16, onset
from rtvi_local.engines.interfaces import SpokenChunk, SpokenWord, Voice
from rtvi_local.errors import UserError
from rtvi_local.pipeline.frames import (
    Clause,
    Configured,
    Failed,
    Filler,
    Frame,
    Interrupted,
    Measured,
    ReplyEnded,
    ReplyStarted,
    ReplyToken,
    Speech,
    Superseded,
    SynthesisEnded,
    SynthesisStarted,
    Used,
    WordTiming,
)
from rtvi_local.pipeline.stage import Stage
from rtvi_local.stages.clauses import PATIENCE, WHOLE_SENTENCES, ClauseSplitter
from rtvi_local.stages.spoken_text import spoken_with_offsets

log = logging.getLogger(__name__)

VoiceFor = Callable[[str], Awaitable[Voice | None]]


class Tts(Stage):
    """Speaks a reply clause by clause while it is still being written. One reply at a time, the newest."""

    name: ClassVar[str] = "tts"

    def __init__(self, voice: Voice, voice_for: VoiceFor | None = None, speed: float = 1.0, language: str = "") -> None:
        """`voice_for` finds voices for replies in other languages than this one's; they speak at `speed`. `language` is that of
        replies which were not asked for in one; empty for the voice's own."""
        super().__init__()
        self._voice = voice
        self._voice_for = voice_for
        self._speed = speed
        self._language = language
        self._segment_ids = itertools.count(1)
        self._reply: _Reply | None = None
        self._task: asyncio.Task[None] | None = None

    def receive(self, frame: Frame) -> None:
        match frame:
            case ReplyStarted(revision) if self._is_current(revision):
                self.forward(frame)  # it goes on, after a tool
            case ReplyStarted(revision, speak_reply, language):
                self._stop()
                language = language or self._language or self._voice.language
                self._reply = _Reply(revision, speak_reply, self._voice, language)
                self.forward(frame)
            case ReplyToken(text, revision) if self._is_current(revision):
                self.forward(frame)
                self._take(self._current.splitter.push(text))
            case ReplyEnded(revision) if self._is_current(revision):
                self._take(self._current.splitter.flush())
                if frame.final:
                    self._current.clauses.put_nowait(None)
                self.forward(frame)
            case Filler(text, revision) if self._is_current(revision):
                self.forward(frame)
                self._take([text], remember=False)
            case Configured(config, engines):
                self._voice, self._voice_for = engines.voice, engines.voice_for
                self._speed, self._language = config.tts.speed, config.tts.language
                self.forward(frame)
            case Superseded(revision) | Interrupted(revision):
                if self._reply is not None and self._reply.revision <= revision:
                    self._stop()
                self.forward(frame)
            case _:
                self.forward(frame)

    async def close(self) -> None:
        task = self._task
        self._stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    @property
    def _current(self) -> _Reply:
        assert self._reply is not None
        return self._reply

    def _is_current(self, revision: int) -> bool:
        return self._reply is not None and self._reply.revision == revision

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._reply = None

    def _take(self, texts: list[str], *, remember: bool = True) -> None:
        reply = self._current
        for text in texts:
            spoken, ends = spoken_with_offsets(text, reply.language) if reply.speak else ("", ())
            clause = Clause(next(self._segment_ids), text, spoken, reply.revision, reply.speak, remember)
            self.emit(clause)
            if not reply.speak:
                continue
            reply.clauses.put_nowait((clause, ends))
            if self._task is None:
                self._task = asyncio.create_task(self._speak(reply))

    async def _speak(self, reply: _Reply) -> None:
        self.emit(SynthesisStarted(reply.revision))
        reply.voice = await self._voice_of(reply)
        while (item := await reply.clauses.get()) is not None:
            await self._speak_clause(reply.voice, *item)
        self.emit(SynthesisEnded(reply.revision))

    async def _voice_of(self, reply: _Reply) -> Voice:
        """The conversation's own voice, unless another is installed for the reply's language. The first time that takes as long
        as loading it does."""
        if reply.language == reply.voice.language or self._voice_for is None:
            return reply.voice
        try:
            found = await self._voice_for(reply.language)
            return reply.voice if found is None else found.at(speed=self._speed, speaker=0)
        except UserError as error:
            self.emit(Failed(f"{error} The answer is spoken by {reply.voice.model_name}."))
            return reply.voice

    async def _speak_clause(self, voice: Voice, clause: Clause, ends: tuple[int, ...]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = True
        words = itertools.chain(ends, itertools.repeat(len(clause.text)))
        try:
            if clause.spoken:
                chunks = voice.speak(clause.spoken)
                async with contextlib.aclosing(chunks):
                    async for chunk in chunks:
                        if first:
                            self._measure_first(voice, loop.time() - began, chunk, clause.revision)
                            first = False
                        self._emit_speech(voice, clause, chunk.samples, [_timing(word, next(words)) for word in chunk.words])
                self.emit(Used("piper", {"characters": len(clause.spoken)}, voice.model_name, clause.revision))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("the voice failed")
            self.emit(Failed(f"The voice could not speak ({type(error).__name__}). The answer is shown as text."))
        self._emit_speech(voice, clause, np.zeros(0, np.int16), [], last=True)

    def _emit_speech(
        self, voice: Voice, clause: Clause, samples: Int16, words: list[WordTiming], *, last: bool = False
    ) -> None:
        self.emit(Speech(clause.segment_id, samples, voice.sample_rate, clause.revision, tuple(words), last))

    def _measure_first(self, voice: Voice, value_s: float, chunk: SpokenChunk, revision: int) -> None:
        silent_s = onset(chunk.samples) / voice.sample_rate
        self.emit(Measured("piper", "ttfb", value_s, voice.model_name, revision, silent_s))
        for step, step_ms in chunk.took_ms.items():
            self.emit(Measured(f"piper.{step}", "processing", step_ms / 1000, voice.model_name, revision))


class _Reply:
    def __init__(self, revision: int, speak: bool, voice: Voice, language: str) -> None:
        self.revision = revision
        self.speak = speak
        self.language = language
        self.voice = voice
        """The one that it began with: a reply does not change its voice."""
        # RTVI shows text that is not spoken sentence by sentence.
        self.splitter = ClauseSplitter(PATIENCE if speak else WHOLE_SENTENCES)
        self.clauses: asyncio.Queue[tuple[Clause, tuple[int, ...]] | None] = asyncio.Queue()


def _timing(word: SpokenWord, end_char: int) -> WordTiming:
    return WordTiming(end_char, word.end_sample)
