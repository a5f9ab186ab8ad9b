"""A telephone call with real models: what Twilio sends, plays and says of it, frame by frame and in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtvi_local.audio.pcm import AUDIBLE_PEAK, Int16
from rtvi_local.bench.caller import Said
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.pipeline.frames import BotStartedSpeaking, BotStoppedSpeaking, Heard, Interrupted
from tests.integration.world import Serving, serving, without_chance
from tests.transports.phones import STREAM, Phone
from tests.until import until

pytestmark = pytest.mark.models

RATE = Phone.sample_rate
FRAME_SAMPLES, FRAME_S = RATE // 50, 0.02
ROOM: Int16 = np.random.default_rng(0).integers(-30, 31, RATE).astype(np.int16)
"""A second of the quiet room that the caller stands in, over and over."""
NOTHING: Int16 = np.zeros(RATE, np.int16)
"""What most telephones and their networks make of that room."""
SILENT_AFTER_MS = 500
"""From the caller's first sound until they hear no more of the answer: 400 ms as over WebRTC, and what is in the provider's
buffer."""
CLEAR_AFTER_MS = 100
"""From when words are understood that take the floor; the voice has paused long before. How soon they are is for the tests of
turn-taking, and how fast for the machine."""

ANSWERED_S = 60


def audible(samples: Int16) -> bool:
    return bool(np.abs(samples.astype(np.int32)).max(initial=0) >= AUDIBLE_PEAK * 32768)


class Caller(Phone):
    """Somebody who speaks in real time, and Twilio between them and the appliance: it plays from a buffer, answers a mark when
    it has played what came before it, and all of them when it is told to empty the buffer."""

    def __init__(self, surroundings: Int16) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._surroundings = surroundings
        self._saying: tuple[Said, int] | None = None
        self._played_until_s = 0.0
        self._marks: list[tuple[float, str]] = []
        """(when what came before has been played, name)."""
        self.marks_answered = 0
        self.played: list[tuple[float, float, Int16]] = []
        """(when it came, when it is played, sound): milliseconds."""

    @property
    def now_ms(self) -> float:
        return self._loop.time() * 1000

    async def talk(self) -> None:
        """Send what the microphone takes in, until cancelled."""
        due_s, at = self._loop.time(), 0
        while True:
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))
            await self.say(self._surroundings[at : at + FRAME_SAMPLES] + self._next_words(due_s - FRAME_S))
            at = (at + FRAME_SAMPLES) % self._surroundings.size
            while self._marks and self._marks[0][0] <= self._loop.time():
                await self.send({"event": "mark", "streamSid": STREAM, "mark": {"name": self._marks.pop(0)[1]}})
                self.marks_answered += 1

    async def speak(self, samples: Int16) -> Said:
        """Return when the last sample has left."""
        said = Said(samples, (0, samples.size))
        self._saying = (said, 0)
        await said.done.wait()
        return said

    def _next_words(self, began_s: float) -> Int16:
        frame: Int16 = np.zeros(FRAME_SAMPLES, np.int16)
        if self._saying is None:
            return frame
        said, position = self._saying
        piece = said.samples[position : position + FRAME_SAMPLES]
        frame[: piece.size] = piece
        if audible(piece):
            said.first_sound_ms = said.first_sound_ms or began_s * 1000
            said.last_sound_ms = (began_s + FRAME_S) * 1000
        self._saying = (said, position + FRAME_SAMPLES)
        if position + FRAME_SAMPLES >= said.samples.size:
            self._saying = None
            said.done.set()
        return frame

    def _take(self, data: str | bytes) -> None:
        super()._take(data)
        event: dict[str, Any] = self.events[-1]
        now_s = self._loop.time()
        match event["event"]:
            case "media":
                samples = self.heard[-1][1]
                begins_s = max(self._played_until_s, now_s)
                self.played.append((now_s * 1000, begins_s * 1000, samples))
                self._played_until_s = begins_s + samples.size / RATE
            case "mark":
                self._marks.append((self._played_until_s, event["mark"]["name"]))
            case "clear":
                self._played_until_s = now_s
                self._marks = [(now_s, name) for _, name in self._marks]

    def recording(self, from_ms: float, until_ms: float) -> Int16:
        """What was played, in order, with its pauses."""
        pieces: list[Int16] = []
        ended_ms = from_ms
        for _, at_ms, samples in self.played:
            if from_ms <= at_ms < until_ms:
                pieces += [np.zeros(max(0, int((at_ms - ended_ms) * RATE / 1000)), np.int16), samples]
                ended_ms = at_ms + samples.size * 1000 / RATE
        return np.concatenate(pieces)


@asynccontextmanager
async def call(s: Serving, surroundings: Int16) -> AsyncIterator[Caller]:
    caller = Caller(surroundings)
    await caller.open(f"ws{s.url.removeprefix('http')}/ws")
    talking = asyncio.create_task(caller.talk())
    try:
        yield caller
    finally:
        talking.cancel()
        with suppress(asyncio.CancelledError):
            await talking
        await caller.hang_up()


def begun(s: Serving, after_ms: float) -> list[float]:
    """When the bot began to be heard, since then."""
    return [frame.at_ms for frame in s.frames if isinstance(frame, BotStartedSpeaking) and frame.at_ms > after_ms]


def finished(s: Serving, after_ms: float) -> bool:
    """Whether an answer was heard to its end since then."""
    return any(isinstance(frame, BotStoppedSpeaking) and frame.finished and frame.at_ms > after_ms for frame in s.frames)


@pytest.mark.parametrize("surroundings", [ROOM, NOTHING], ids=["from a room", "over a line that is silent between words"])
def test_a_caller_is_answered_and_can_interrupt(still_models: Path, surroundings: Int16) -> None:
    async def story() -> None:
        async with serving(still_models, without_chance) as s, call(s, surroundings) as caller:
            question, wish, objection = [
                await s.clear_speech(text, RATE)
                for text in (
                    "What is the capital of Italy?",
                    "Tell me a long story about a brave little dog.",
                    "Wait a moment, what is the capital of Poland?",
                )
            ]
            asked = await caller.speak(question)
            await until(lambda: finished(s, asked.last_sound_ms), ANSWERED_S)
            await until(lambda: caller.marks_answered, ANSWERED_S)
            told = normalised_words(" ".join(frame.text for frame in s.frames if isinstance(frame, Heard) and frame.completed))
            heard = normalised_words(await s.understand(caller.recording(asked.last_sound_ms, caller.now_ms), RATE))
            assert "rome" in told
            assert word_errors(told, heard) <= 0.2 * len(told), f"told {told}, heard {heard}"
            assert not caller.cleared_ms

            asked = await caller.speak(wish)
            await until(lambda: begun(s, asked.last_sound_ms), ANSWERED_S)
            await asyncio.sleep(2)
            assert not finished(s, asked.last_sound_ms), "the story is too short to be interrupted"
            objected = await caller.speak(objection)
            first_ms, last_ms = objected.first_sound_ms, objected.last_sound_ms
            await until(lambda: finished(s, last_ms), ANSWERED_S)
            cleared_ms = next((at_ms for at_ms in caller.cleared_ms if at_ms > first_ms), float("inf"))
            taken_ms = next(f.at_ms for f in s.frames if isinstance(f, Interrupted) and f.at_ms > first_ms)
            assert 0 <= cleared_ms - taken_ms <= CLEAR_AFTER_MS
            old = [each for each in caller.played if first_ms <= each[0] < begun(s, first_ms)[0] and audible(each[2])]
            assert all(came_ms < cleared_ms for came_ms, _, _ in old), "some of the old answer came after `clear`"
            assert max((at_ms + 20 for _, at_ms, _ in old), default=first_ms) - first_ms <= SILENT_AFTER_MS
            answer = await s.understand(caller.recording(last_ms, caller.now_ms), RATE)
            assert "warsaw" in answer.lower(), answer

    asyncio.run(story())
