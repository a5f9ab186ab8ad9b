"""A sleeping appliance in a room, in virtual time: the very conversation that a client has, with the real wake word models and
the real ears, and whatever else a measurement does not need faked. An hour passes in a minute or two."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.config import Config, Wake
from rtvi_local.engines.fakes import ScriptedModel, ToneVoice
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, SpokenChunk, SpokenWord, Transcriber
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.wake_word import open_detector
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import Frame, TurnCommitted, UserTurn, WakeState
from rtvi_local.stages.pipeline_request import default_stages
from rtvi_local.stages.rolling_transcription import IsInvented
from rtvi_local.transports.loopback import LoopbackTransport

PIECE = LISTENING_SAMPLE_RATE // 50
REPLY = "Yes."
CLOSES_S = 600.0


class RecordedVoice(ToneVoice):
    """Says everything with the same recording: a Voice whose own sound is to be tried on its ears."""

    def __init__(self, sound: Int16, sample_rate: int) -> None:
        super().__init__(sample_rate=sample_rate)
        self._recording = sound

    async def speak(self, text: str) -> AsyncGenerator[SpokenChunk, None]:
        words = text.split()
        yield SpokenChunk(self._recording, (SpokenWord(self._recording.size),) * len(words))

    def at(self, *, speed: float, speaker: int) -> RecordedVoice:
        del speed, speaker
        return self


class Room:
    """`hear` plays to the microphone, in which the voice's echo is as loud as `echo` says, `echo_ms` late."""

    def __init__(
        self,
        words: Sequence[str],
        silero: Silero,
        transcriber: Transcriber,
        is_invented: IsInvented = lambda _t, _s: False,
        *,
        voice: ToneVoice | None = None,
        echo: float = 0.0,
        echo_ms: int = 120,
    ) -> None:
        config = replace(Config(), wake=Wake(words=tuple(words)))
        engines = Engines(
            silero.detector,
            None,
            transcriber,
            is_invented,
            ScriptedModel(lambda _: REPLY),
            voice or ToneVoice(),
            open_wake_words=open_detector,
        )
        self.transport = LoopbackTransport(LISTENING_SAMPLE_RATE)
        self._loop = asyncio.get_running_loop()
        self._echo = echo
        self._air: deque[Int16] = deque([np.zeros(PIECE, np.int16)] * (echo_ms // 20))
        self._played = 0
        self.awake = False
        self.woken_ms: list[float] = []
        self.turns: list[str] = []
        """What was said and answered, in words."""
        self._last_turn: dict[int, str] = {}
        self.conversation = Conversation(self.transport, engines, config, stages=default_stages(config))
        self.conversation.observe_with(self._observe)
        self.conversation.start()
        hello = {
            "label": "rtvi-ai",
            "type": "client-ready",
            "id": "1",
            "data": {"version": "2.1.0", "about": {"library": "room"}},
        }
        self.conversation.on_message(json.dumps(hello))

    async def hear(self, samples: Int16) -> None:
        """16 kHz."""
        due = self._loop.time()
        for start in range(0, samples.size, PIECE):
            piece = np.zeros(PIECE, np.int16)
            piece[: len(samples[start : start + PIECE])] = samples[start : start + PIECE]
            due += PIECE / LISTENING_SAMPLE_RATE
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            # No more than a second of it: should anything keep the microphone waiting, the speaker goes on all the same.
            self._air.extend(sound for _, sound in self.transport.audio[-50:])
            self.transport.audio.clear()
            echo = self._air.popleft() if self._air else np.zeros(PIECE, np.int16)
            heard = piece + (echo * self._echo).astype(np.int32)
            self.conversation.on_audio(np.clip(heard, -32768, 32767).astype(np.int16), self._loop.time() * 1000)

    def type(self, text: str) -> None:
        self.conversation.send_text(text, run_immediately=True, speak_reply=True)

    async def close(self) -> None:
        """Raises TimeoutError where something does not end: in virtual time that would be for ever, and in no time."""
        self.conversation.on_closed("done")
        await asyncio.wait_for(self.conversation.ended(), CLOSES_S)

    def _observe(self, frame: Frame) -> None:
        match frame:
            case WakeState(awake):
                self.awake = awake
                if awake:
                    self.woken_ms.append(self._loop.time() * 1000)
            case UserTurn(text=text, revision=revision):
                self._last_turn[revision] = text
            case TurnCommitted(revision) if revision in self._last_turn:
                self.turns.append(self._last_turn[revision])
            case _:
                pass
