"""The scenes of `echo` in virtual time: real ears and a real voice, Opus there and back, a room; no network, no waiting.

    python -m rtvi_local.bench.turns.echo_offline MODELS [--level DB …] [--delay MS …] [--every N] [--mode eager]
        [--jitter MS] [--after S] [-v]

The same in every run, however busy the machine is. With --jitter MS packets are late as often as on a busy machine, in both
directions, and the client's buffer grows and shrinks by that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusDecoder, OpusEncoder
from rtvi_local.audio.pcm import Int16, onset
from rtvi_local.audio.resampling import Resampler
from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.loudspeaker import Loudspeaker
from rtvi_local.bench.turns.echo import DELAYS_MS, LEVELS_DB, EchoScene, figures, scenes
from rtvi_local.bench.turns.engines import Answers, KeptTranscriber
from rtvi_local.bench.turns.kind import Outcome
from rtvi_local.bench.turns.sounds import Studio
from rtvi_local.config import Config, Echo, Turns
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, SpokenChunk, Voice
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Frame,
    Interrupted,
    Transcript,
    TurnStarted,
    VoicePaused,
)
from rtvi_local.transports.loopback import LoopbackTransport

HISS_DBFS = -65.0
LATE_SHARE = 1 / 60
"""Of packets: one in 1.2 seconds."""
PHASE_S = 0.007
"""By which the microphone's packets come after the loudspeaker's."""
AFTERWARDS_S = 1.2


class Wire:
    """Opus, one way: 16 or 48 kHz in, the other rate out."""

    def __init__(self, in_rate: int, out_rate: int) -> None:
        self._before, self._after = Resampler(in_rate, SAMPLE_RATE), Resampler(SAMPLE_RATE, out_rate)
        self._encoder, self._decoder = OpusEncoder(), OpusDecoder()
        self._pending: Int16 = np.zeros(0, np.int16)

    def carry(self, samples: Int16) -> Int16:
        self._pending = np.concatenate([self._pending, self._before.push(samples)])
        out: list[Int16] = [np.zeros(0, np.int16)]
        while self._pending.size >= FRAME_SAMPLES:
            packet = self._encoder.encode(self._pending[:FRAME_SAMPLES])
            self._pending = self._pending[FRAME_SAMPLES:]
            frames = self._decoder.decode(packet) if len(packet) > 2 else []
            pieces = [frame.to_ndarray().reshape(-1).astype(np.int16) for frame in frames] or [
                np.zeros(FRAME_SAMPLES, np.int16)
            ]
            out += [self._after.push(piece) for piece in pieces]
        return np.concatenate(out)


class KeptVoice:
    """A voice that says the same thing in the same way every time, after 60 ms (Voice)."""

    def __init__(self, real: PiperVoice) -> None:
        self.model_name = real.model_name
        self.sample_rate = real.sample_rate
        self.language = real.language
        self._real = real
        self._kept: dict[str, list[SpokenChunk]] = {}

    async def speak(self, text: str) -> AsyncGenerator[SpokenChunk, None]:
        if text not in self._kept:
            self._kept[text] = [chunk async for chunk in self._real.speak(text)]
        await asyncio.sleep(0.06)
        for chunk in self._kept[text]:
            yield chunk

    def at(self, *, speed: float, speaker: int) -> Voice:
        del speed, speaker
        return self


@dataclass(slots=True)
class Ears:
    silero: Silero
    transcriber: KeptTranscriber
    voice: KeptVoice

    @property
    def engines(self) -> Engines:
        return Engines(
            self.silero.detector,
            None,
            self.transcriber,
            lambda said, samples: looks_invented(said, samples.size / LISTENING_SAMPLE_RATE, speech_energy_db(samples)),
            ScriptedModel(),
            self.voice,
        )


@dataclass(slots=True)
class _Room:
    """A conversation beside a loudspeaker; the clock is virtual."""

    conversation: Conversation
    transport: LoopbackTransport
    gain_db: float | None
    delay_ms: float
    jitter_ms: float
    seen: list[tuple[float, Frame]] = field(default_factory=list)
    person: Int16 = field(default_factory=lambda: np.zeros(0, np.int16))
    """What is still to be said, 48 kHz."""

    def note(self, frame: Frame) -> None:
        if isinstance(frame, (VoicePaused, Interrupted, TurnStarted, Transcript, BotStartedSpeaking, BotStoppedSpeaking)):
            self.seen.append((asyncio.get_running_loop().time() * 1000, frame))

    def names(self, since_ms: float) -> list[str]:
        """What shows that a sound was taken for a person's."""
        kinds = (VoicePaused, Interrupted, TurnStarted, Transcript)
        return list(
            dict.fromkeys(type(frame).__name__ for at, frame in self.seen if at >= since_ms and isinstance(frame, kinds))
        )

    def ask(self, type: str, data: object) -> None:
        message = {"label": "rtvi-ai", "type": type, "id": uuid.uuid4().hex, "data": data}
        self.conversation.on_message(json.dumps(message))

    async def until(self, kind: type, timeout_s: float = 20) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while not any(isinstance(frame, kind) for _, frame in self.seen) and loop.time() < end_s:  # noqa: ASYNC110 - polls, no time passes
            await asyncio.sleep(0.02)

    async def microphone(self) -> None:
        loop = asyncio.get_running_loop()
        there, back = Wire(SAMPLE_RATE, SAMPLE_RATE), Wire(SAMPLE_RATE, LISTENING_SAMPLE_RATE)
        arrivals: list[Arrival] = []
        loudspeaker = Loudspeaker(arrivals, gain_db=self.gain_db or 0.0, delay_ms=self.delay_ms)
        chance, hiss = np.random.default_rng(2), np.random.default_rng(1)
        under_way: deque[tuple[float, Int16]] = deque()
        due = loop.time() + PHASE_S
        while True:
            due += FRAME_SAMPLES / SAMPLE_RATE
            await asyncio.sleep(due - loop.time())
            for number in range(len(arrivals), len(self.transport.audio)):
                sent_ms, frame = self.transport.audio[number]
                at_ms = max(arrivals[-1].at_ms if arrivals else 0.0, sent_ms + self._late_ms(chance))
                arrivals.append(Arrival(at_ms, there.carry(frame), number * 1000 * FRAME_SAMPLES / SAMPLE_RATE))
            sound = (hiss.normal(size=FRAME_SAMPLES) * 10 ** (HISS_DBFS / 20) * 32768).astype(np.int32)
            if self.gain_db is not None:
                sound += loudspeaker.heard(loop.time() * 1000)
            mine, self.person = self.person[:FRAME_SAMPLES], self.person[FRAME_SAMPLES:]
            sound[: mine.size] += mine
            packet = back.carry(np.clip(sound, -32768, 32767).astype(np.int16))
            left_ms = under_way[-1][0] if under_way else 0.0
            under_way.append((max(left_ms, loop.time() * 1000 + self._late_ms(chance)), packet))
            while under_way and under_way[0][0] <= loop.time() * 1000:
                self.conversation.on_audio(under_way.popleft()[1], loop.time() * 1000)

    def _late_ms(self, chance: np.random.Generator) -> float:
        return float(chance.uniform(0, self.jitter_ms)) if chance.random() < LATE_SHARE else 0.0


async def play(ears: Ears, config: Config, scene: EchoScene, *, echoes: bool, jitter_ms: float) -> Outcome:
    """One conversation. Without echoes it is one with headphones."""
    loop = asyncio.get_running_loop()
    transport = LoopbackTransport(SAMPLE_RATE)
    conversation = Conversation(transport, ears.engines, config)
    room = _Room(conversation, transport, scene.level_db if echoes else None, scene.delay_ms, jitter_ms)
    conversation.observe_with(room.note)
    conversation.start()
    room.ask("client-ready", {"version": "2.1.0", "about": {"library": "bench"}})
    hearing = asyncio.create_task(room.microphone())
    await asyncio.sleep(0.5)
    room.ask("client-message", {"t": "tts:say", "d": {"text": scene.text}})
    await room.until(BotStartedSpeaking)
    outcome: Outcome = {"level_db": scene.level_db, "delay_ms": scene.delay_ms, "group": "over" if scene.said else "alone"}
    if scene.samples is None:
        await room.until(BotStoppedSpeaking)
        await asyncio.sleep(AFTERWARDS_S)
        outcome["signs"] = room.names(0)
        outcome["pauses"] = sum(isinstance(frame, VoicePaused) for _, frame in room.seen)
    else:
        await asyncio.sleep(scene.after_s)
        outcome["early"] = room.names(0)
        first_ms = loop.time() * 1000 + 1000 * onset(scene.samples) / SAMPLE_RATE
        room.person = scene.samples
        await asyncio.sleep(scene.samples.size / SAMPLE_RATE + 2.0)
        silent_ms = next((at_ms for at_ms, frame in room.seen if at_ms >= first_ms and isinstance(frame, VoicePaused)), None)
        ended_ms = next((at_ms for at_ms, frame in room.seen if at_ms >= first_ms and isinstance(frame, Interrupted)), None)
        if ended_ms is not None:
            silent_ms = min(silent_ms or ended_ms, ended_ms)
        outcome["stopped_ms"] = silent_ms - first_ms if silent_ms is not None and ended_ms is not None else None
        outcome["words"] = [
            f.text for at, f in room.seen if at >= first_ms and isinstance(f, Transcript) and f.final and f.text
        ]
    hearing.cancel()
    conversation.on_closed("done")
    await conversation.ended()
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Does it hear itself? In virtual time.")
    parser.add_argument("models", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rtvi-local-turns")
    parser.add_argument("--level", type=float, nargs="+", default=LEVELS_DB, metavar="DB")
    parser.add_argument("--delay", type=float, nargs="+", default=DELAYS_MS, metavar="MS")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th scene")
    parser.add_argument("--mode", default="polite", choices=("polite", "eager"), help="turns.interruptions (default polite)")
    parser.add_argument("--deaf", action="store_true", help="with echo.ignore off, as it would be without")
    parser.add_argument("--cancel", action="store_true", help="with echo.cancel on")
    parser.add_argument("--after", type=float, metavar="S", help="people speak so long after the first sound of the reply")
    parser.add_argument("--headphones", action="store_true", help="without an echo")
    parser.add_argument("--jitter", type=float, default=0.0, metavar="MS", help="how late a packet may be (default 0)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every scene")
    options = parser.parse_args(arguments)
    studio = Studio(options.models / "piper-en_US-joe-medium", options.cache)
    whisper = Whisper.load(options.models / "whisper-base", device="cpu", threads=2)
    voice = PiperVoice.load(options.models / "piper-en_US-joe-medium", device="cpu", threads=2)
    words = Answers(options.cache / "whisper-echo.json")
    ears = Ears(Silero.load(options.models / "silero-vad-v6"), KeptTranscriber(whisper, words), KeptVoice(voice))
    config = replace(
        Config(), turns=Turns(interruptions=options.mode), echo=Echo(ignore=not options.deaf, cancel=options.cancel)
    )
    played = scenes(studio, None)[:: options.every]
    if options.after is not None:
        played = [replace(scene, after_s=options.after) for scene in played if scene.said]
    outcomes: list[Outcome] = []
    try:
        for scene in played:
            if scene.level_db in options.level and scene.delay_ms in options.delay:
                outcome = virtual_clock.run(play(ears, config, scene, echoes=not options.headphones, jitter_ms=options.jitter))
                outcomes.append(outcome)
                if options.verbose or outcome.get("signs"):
                    sys.stdout.write(f"{scene.name}: {outcome}\n")
    finally:
        words.save()
        for model in (studio, whisper, voice):
            model.close()
    for figure in figures(outcomes):
        value = "–" if figure.value is None else f"{figure.value:.0f}"
        of = "" if figure.of is None else f" of {figure.of}"
        sys.stdout.write(f"{figure.name}: {value}{of} {figure.unit}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
