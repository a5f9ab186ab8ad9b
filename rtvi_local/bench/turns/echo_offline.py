"""The scenes of `echo` in virtual time: real ears and a real voice, Opus there and back, a room; no network, no waiting.

    python -m rtvi_local.bench.turns.echo_offline MODELS [--level DB …] [--delay MS …] [--every N] [--mode eager] [-v]

The same in every run, however busy the machine is, because nothing is late. What a network does is for `bench --turns echo` to
show.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import uuid
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusDecoder, OpusEncoder
from rtvi_local.audio.pcm import Float32, Int16, to_float, to_int16
from rtvi_local.audio.resampling import Resampler
from rtvi_local.bench.rooms import echoing
from rtvi_local.bench.speech import resampled
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
REVERBERATION_S, DIRECT_DB = 0.3, 6.0
PHASE_S = 0.007
"""By which the microphone's packets come after the loudspeaker's."""
AFTERWARDS_S = 1.2
_PIECE = LISTENING_SAMPLE_RATE // 50


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
    seen: list[tuple[float, Frame]] = field(default_factory=list)
    person: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))

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
        there, back = Wire(SAMPLE_RATE, LISTENING_SAMPLE_RATE), Wire(LISTENING_SAMPLE_RATE, LISTENING_SAMPLE_RATE)
        tail = int(REVERBERATION_S * LISTENING_SAMPLE_RATE)
        played = np.zeros(tail + int(self.delay_ms * 16), np.float32)
        hiss = np.random.default_rng(1)
        taken = 0
        due = loop.time() + PHASE_S
        while True:
            due += 0.02
            await asyncio.sleep(due - loop.time())
            for _, frame in self.transport.audio[taken:]:
                played = np.concatenate([played, to_float(there.carry(frame))])
            taken = len(self.transport.audio)
            echo = np.zeros(_PIECE, np.float32)
            if played.size >= tail + _PIECE:
                window, played = played[: tail + _PIECE], played[_PIECE:]
                if self.gain_db is not None and window.any():
                    room = echoing(window, REVERBERATION_S, DIRECT_DB)[-_PIECE:]
                    echo = np.asarray(room * 10 ** ((self.gain_db - 1.0) / 20), np.float32)  # 1 dB is the reflections'
            mine, self.person = self.person[:_PIECE], self.person[_PIECE:]
            echo[: mine.size] += mine
            echo += (hiss.normal(size=_PIECE) * 10 ** (HISS_DBFS / 20)).astype(np.float32)
            self.conversation.on_audio(back.carry(to_int16(echo)), loop.time() * 1000)


async def play(ears: Ears, config: Config, scene: EchoScene, *, echoes: bool) -> Outcome:
    """One conversation. Without echoes it is one with headphones."""
    loop = asyncio.get_running_loop()
    transport = LoopbackTransport(SAMPLE_RATE)
    conversation = Conversation(transport, ears.engines, config)
    room = _Room(conversation, transport, scene.level_db if echoes else None, scene.delay_ms)
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
    else:
        await asyncio.sleep(scene.after_s)
        outcome["early"] = room.names(0)
        sound = to_float(resampled(scene.samples, SAMPLE_RATE, LISTENING_SAMPLE_RATE))
        first_ms = loop.time() * 1000 + 1000 * int(np.argmax(np.abs(sound) > 0.01)) / LISTENING_SAMPLE_RATE
        room.person = sound
        await asyncio.sleep(sound.size / LISTENING_SAMPLE_RATE + 2.0)
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
    parser.add_argument("--headphones", action="store_true", help="without an echo")
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
    outcomes: list[Outcome] = []
    try:
        for scene in played:
            if scene.level_db in options.level and scene.delay_ms in options.delay:
                outcome = virtual_clock.run(play(ears, config, scene, echoes=not options.headphones))
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
