"""How well wake words wake, how rarely anything else does, and what waiting for them costs.

    python -m rtvi_local.bench.wake [--minutes 60] [--audio FOLDER] [--server] [--save docs/wake.json] [--json]

Everything is spoken by the installed Piper voice, and heard by the very conversation that a client has, in virtual time: each
wake word 20 times (five speeds, in a quiet room and in three crowds that talk before and after it too); then other sentences at
several speeds and pitches, and the recordings in FOLDER, for as many minutes as asked for; then each wake word with a command
behind it and no pause between; then the appliance's own voice, saying wake words, back at its microphone. `--server` measures a
whole appliance, asleep, whose client talks. The exit code is 1 if a bound does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16, to_int16
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.cli import add_audio_option
from rtvi_local.bench.rooms import beside, crowd
from rtvi_local.bench.sitting import machine
from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.utterances import PITCHES, SENTENCES, Speaker, recorded
from rtvi_local.bench.wake_figures import Figures, broken, table
from rtvi_local.bench.wake_room import RecordedVoice, Room
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.fakes import EchoTranscriber
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Transcriber
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.wake_word import SMALL_MODELS
from rtvi_local.model_store import open_store

SPEEDS = (0.8, 0.9, 1.0, 1.1, 1.25)
CROWDS_DB: tuple[float | None, ...] = (None, 20.0, 15.0, 10.0)
"""How much weaker the crowd is than the voice; None for a quiet room."""
RATES = (1.0, 0.86, 1.08, 0.93, 1.16, 1.25)
"""The same recording played slower and faster, and so lower and higher: as many other people."""
COMMAND = "what time is it?"
TEXT_WORDS = ("hey computer",)
"""Those that have no small model."""
ECHOES = tuple(itertools.product((0.3, 1.0), (60, 200)))
"""How loud the voice comes back, and after how many ms."""
LEAD_S, TAIL_S = 2.0, 0.5
_QUIET = np.zeros(LISTENING_SAMPLE_RATE // 2, np.int16)


class Sayer(Protocol):
    def say(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> Float32: ...


@dataclass(frozen=True)
class Studio:
    voice: Sayer
    people: Float32
    """A crowd that talks."""
    silero: Silero

    def room(self, words: Sequence[str], transcriber: Transcriber | None = None, voice: RecordedVoice | None = None) -> Room:
        """To be called in the event loop."""
        deaf = EchoTranscriber(lambda _: "")
        return Room(words, self.silero, transcriber or deaf, voice=voice)


def utterances(studio: Studio, text: str) -> Iterator[tuple[str, Float32]]:
    """`text` at every speed before every crowd: a name and 16 kHz audio. A crowd does not wait for somebody to speak: it is
    there from the start to the end."""
    for number, (speed, crowd_db) in enumerate(itertools.product(SPEEDS, CROWDS_DB)):
        said = studio.voice.say(text, speed)
        lead, tail = (np.zeros(int(seconds * LISTENING_SAMPLE_RATE), np.float32) for seconds in (LEAD_S, TAIL_S))
        samples = np.concatenate([lead, said, tail])
        if crowd_db is not None:
            people = np.resize(np.roll(studio.people, number * 4801), len(samples))
            there = slice(len(lead), len(lead) + len(said))
            # As loud as `beside` makes it next to the words alone.
            mixed = beside(said, people[there], crowd_db) - said
            samples = samples + people * np.float32(np.linalg.norm(mixed) / max(1e-9, np.linalg.norm(people[there])))
        name = f"{text} ×{speed}" + ("" if crowd_db is None else f", crowd {crowd_db:.0f} dB")
        yield name, samples


def wakes(studio: Studio, word: str, samples: Float32, transcriber: Transcriber | None) -> bool:
    """Whether it wakes a conversation that waits for this word."""

    async def listen() -> bool:
        room = studio.room([word], transcriber)
        await room.hear(to_int16(samples))
        if transcriber is not None:
            # A phrase is looked at when it has ended, and for that those who talk beside it must pause, too.
            await room.hear(np.concatenate([_QUIET, _QUIET]))
        await room.close()
        return bool(room.woken_ms)

    return virtual_clock.run(listen())


def recognition(figures: Figures, studio: Studio, whisper: Transcriber) -> None:
    for word in (*SMALL_MODELS, *TEXT_WORDS):
        transcriber = whisper if word in TEXT_WORDS else None
        heard = [(name, wakes(studio, word, samples, transcriber)) for name, samples in utterances(studio, word.title())]
        figures.woken[word] = sum(woken for _, woken in heard)
        figures.missed += [name for name, woken in heard if not woken]


def others(voice: Sayer, audio: Path | None) -> Iterator[tuple[str, Int16]]:
    """What is said besides wake words, without end: recordings first, then every sentence as ever other people say it."""
    for utterance in recorded(audio) if audio else ():
        if not utterance.name.startswith("wake-"):
            yield utterance.name, to_int16(utterance.samples)
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    pitches = list(PITCHES.values())
    for turn in itertools.count():
        for rate, (number, text) in itertools.product(RATES, enumerate(sentences)):
            said = to_int16(voice.say(text, SPEEDS[turn % len(SPEEDS)], pitches[(number + turn) % len(pitches)]))
            yield text, said if rate == 1 else resampled(said, round(LISTENING_SAMPLE_RATE * rate), LISTENING_SAMPLE_RATE)


async def other_speech(figures: Figures, studio: Studio, minutes: float, audio: Path | None) -> None:
    """All four models listen, in one conversation, without a break."""
    transcriber = EchoTranscriber(lambda _: "")
    room = studio.room(SMALL_MODELS, transcriber)
    heard = 0
    for name, samples in others(studio.voice, audio):
        before, asleep, transcribed = len(room.woken_ms), not room.awake, len(transcriber.heard_samples)
        await room.hear(samples)
        heard += samples.size
        if len(room.woken_ms) > before:
            figures.false_wakes.append(name)
        elif asleep:
            figures.transcribed_asleep += len(transcriber.heard_samples) - transcribed
        if heard >= minutes * 60 * LISTENING_SAMPLE_RATE:
            break
    await room.close()
    figures.other_speech_minutes = heard / LISTENING_SAMPLE_RATE / 60


async def commands(figures: Figures, studio: Studio, whisper: Transcriber) -> None:
    """ "Okay nabu what time is it": what reaches the model."""
    for word in (*SMALL_MODELS, *TEXT_WORDS):
        figures.commands[word] = 0
        for speed in SPEEDS:
            room = studio.room([word], whisper)
            said = to_int16(studio.voice.say(f"{word.title()} {COMMAND}", speed))
            await room.hear(np.concatenate([_QUIET, _QUIET, said, *[_QUIET] * 5]))
            heard = " ".join(room.turns)
            await room.close()
            if word_errors(normalised_words(COMMAND), normalised_words(heard)) == 0:
                figures.commands[word] += 1
            else:
                figures.commands_wrong.append(f"{word} ×{speed}: {heard or 'nothing'}")
                figures.commands_cut += lacks_a_word(heard)


def lacks_a_word(heard: str) -> bool:
    """Of COMMAND. One too many before it ("Or what time is it?") is wrong, but nothing is lost."""
    words = iter(normalised_words(heard))
    return not all(word in words for word in normalised_words(COMMAND))


async def own_voice(figures: Figures, studio: Studio) -> None:
    """Asleep, it answers what is typed; the answer is nothing but wake words."""
    for word in SMALL_MODELS:
        said = to_int16(studio.voice.say(f"{word.title()}. {word.title()}!"))
        figures.own_voice[word] = 0
        for echo, echo_ms in ECHOES:
            voice = RecordedVoice(said, LISTENING_SAMPLE_RATE)
            room = Room([word], studio.silero, EchoTranscriber(lambda _: ""), voice=voice, echo=echo, echo_ms=echo_ms)
            room.type("Who are you?")
            await room.hear(np.concatenate([_QUIET] * (8 + 2 * said.size // LISTENING_SAMPLE_RATE)))
            figures.own_voice[word] += bool(room.woken_ms)
            await room.hear(said)
            figures.control_woken += bool(room.woken_ms)
            await room.close()


def whole_appliance(figures: Figures, voice: Speaker, seconds: float) -> None:
    """Asleep, while its client sends speech half of the time. Linux."""
    from rtvi_local.bench.server_process import ServerProcess

    sentence = to_int16(voice.say("The children are playing in the garden behind the house."))
    talk = resampled(np.concatenate([sentence, np.zeros_like(sentence)]), LISTENING_SAMPLE_RATE, CALLER_RATE)
    for words in ("okay nabu", "hey computer"):
        with ServerProcess(environment={"RTVI_LOCAL_WAKE_WORDS": words}) as server:
            percent = server.run(_cpu_percent(server.url, server.cpu_s, talk, seconds))
        figures.server_percent_of_a_core[words] = percent


async def _cpu_percent(url: str, cpu_s: Callable[[], float], talk: Int16, seconds: float) -> float:
    from rtvi_local.bench.caller import Caller

    async with Caller(url) as caller:
        for _ in range(1 + int((seconds + 5) * CALLER_RATE / talk.size)):
            caller.say(talk)
        await asyncio.sleep(3)  # connecting is not waiting
        began_s, used_s = time.monotonic(), cpu_s()
        await asyncio.sleep(seconds)
        return 100 * (cpu_s() - used_s) / (time.monotonic() - began_s)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.wake", description="How well wake words work here.")
    parser.add_argument("--minutes", type=float, default=60, help="of other speech (default 60)")
    add_audio_option(parser, "recordings to be ignored, too")
    parser.add_argument("--server", action="store_true", help="also measure a whole appliance that is asleep")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write them there as JSON")
    options = parser.parse_args(arguments)
    from rtvi_local.engines.whisper import Whisper

    store = open_store(os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY", ""))
    models = store.preset("laptop")
    voice = Speaker(store.path(models.tts))
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    people = crowd([voice.say(text) for text in sentences[:20]], 20 * LISTENING_SAMPLE_RATE)
    studio = Studio(voice, people, Silero.load(store.path(models.vad)))
    whisper = Whisper.load(store.path(models.stt), device="cpu", threads=2)
    figures = Figures()
    recognition(figures, studio, whisper)
    virtual_clock.run(other_speech(figures, studio, options.minutes, options.audio))
    virtual_clock.run(own_voice(figures, studio))
    virtual_clock.run(commands(figures, studio, whisper))
    whisper.close()
    if options.server:
        whole_appliance(figures, voice, 20)
    found = {"machine": machine(), "measured": date.today().isoformat(), **asdict(figures)}
    if options.save:
        options.save.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write((json.dumps(found, indent=1) if options.json else table(found)) + "\n")
    return 1 if broken(found) else 0


if __name__ == "__main__":
    sys.exit(main())
