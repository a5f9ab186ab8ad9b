"""How well wake words wake, how rarely anything else does, and what waiting for them costs.

    python -m rtvi_local.bench.wake [--minutes 10] [--audio FOLDER] [--phrase "hey computer"] [--server] [--json]

Everything is spoken by the installed Piper voice: each wake word 20 times (five speeds, in a quiet room and before three
crowds), then other sentences, and the recordings in FOLDER, for as many minutes as asked for. `--phrase` does the same with
trigger words that have no small model, through Whisper. `--server` measures a whole appliance, asleep, whose client talks.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from rtvi_local.audio.pcm import to_int16
from rtvi_local.bench.rooms import beside, crowd
from rtvi_local.bench.speech import CALLER_RATE, resampled
from rtvi_local.bench.utterances import PITCHES, SENTENCES, Speaker, recorded
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Int16
from rtvi_local.engines.wake_word import SMALL_MODELS, open_detector
from rtvi_local.model_store import open_store
from rtvi_local.stages.trigger_words import find

SPEEDS = (0.8, 0.9, 1.0, 1.1, 1.25)
CROWDS_DB: tuple[float | None, ...] = (None, 20.0, 15.0, 10.0)
"""How much weaker the crowd is than the voice; None for a quiet room."""
COMMAND = "what time is it?"
_FRAME = LISTENING_SAMPLE_RATE // 50
_SILENCE = np.zeros(LISTENING_SAMPLE_RATE // 2, np.float32)


class Sayer(Protocol):
    def say(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> Float32: ...


@dataclass
class Figures:
    woken: dict[str, int] = field(default_factory=dict)
    """Of 20, by wake word."""
    missed: list[str] = field(default_factory=list)
    other_speech_minutes: float = 0.0
    false_wakes: list[str] = field(default_factory=list)
    detectors_percent_of_a_core: float = 0.0
    """All four words at once, in this process."""
    transcribed: dict[str, int] = field(default_factory=dict)
    transcribed_missed: list[str] = field(default_factory=list)
    transcribed_false: list[str] = field(default_factory=list)
    transcribed_others: int = 0
    server_percent_of_a_core: dict[str, float] = field(default_factory=dict)


def utterances(voice: Sayer, text: str, people: Float32) -> Iterator[tuple[str, Float32]]:
    """`text` in every speed before every crowd: a name and 16 kHz audio that begins and ends with half a second of silence."""
    for number, (speed, crowd_db) in enumerate(itertools.product(SPEEDS, CROWDS_DB)):
        samples = voice.say(text, speed)
        if crowd_db is not None:
            samples = beside(samples, np.roll(people, number * 4801)[: len(samples)], crowd_db)
        name = f"{text} ×{speed}" + ("" if crowd_db is None else f", crowd {crowd_db:.0f} dB")
        yield name, np.concatenate([_SILENCE, samples, _SILENCE])


def wakes(detector_words: Sequence[str], samples: Float32) -> str | None:
    """The first wake word that is heard in it."""
    detector = open_detector(detector_words)
    pcm = to_int16(samples)
    found = (detector.push(pcm[start : start + _FRAME]) for start in range(0, pcm.size, _FRAME))
    try:
        return next((word for word in found if word), None)
    finally:
        detector.close()


def recognition(figures: Figures, voice: Speaker, people: Float32) -> None:
    for word in SMALL_MODELS:
        heard = [(name, wakes([word], samples)) for name, samples in utterances(voice, word.title(), people)]
        figures.woken[word] = sum(found is not None for _, found in heard)
        figures.missed += [name for name, found in heard if found is None]


def other_speech(figures: Figures, voice: Speaker, minutes: float, audio: Path | None) -> None:
    """Every sentence at another speed and pitch each time round; all four models listen without being reset."""
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    recordings = [(u.name, u.samples) for u in recorded(audio) if not u.name.startswith("wake-")] if audio else []
    pitches = list(PITCHES.values())
    detector = open_detector(SMALL_MODELS)
    heard_s = listened_s = 0.0
    for number in itertools.count():
        if heard_s >= minutes * 60:
            break
        if number < len(recordings):
            name, samples = recordings[number]
        else:
            name = sentences[number % len(sentences)]
            samples = voice.say(name, SPEEDS[number // len(sentences) % len(SPEEDS)], pitches[number % len(pitches)])
        pcm = to_int16(samples)
        began_s = time.process_time()
        found = [detector.push(pcm[start : start + _FRAME]) for start in range(0, pcm.size, _FRAME)]
        listened_s += time.process_time() - began_s
        heard_s += pcm.size / LISTENING_SAMPLE_RATE
        if any(found):
            figures.false_wakes.append(f"{next(word for word in found if word)}: {name}")
            detector.reset()
    figures.other_speech_minutes = heard_s / 60
    figures.detectors_percent_of_a_core = 100 * listened_s / heard_s
    detector.close()


async def through_whisper(figures: Figures, voice: Speaker, people: Float32, phrases: Sequence[str], whisper: Path) -> None:
    from rtvi_local.engines.whisper import Whisper

    engine = Whisper.load(whisper, device="cpu", threads=2)

    async def heard(samples: Float32) -> str:
        return (await engine.transcribe(samples, language="en")).text

    for phrase in phrases:
        texts = [(name, await heard(s)) for name, s in utterances(voice, f"{phrase.capitalize()}, {COMMAND}", people)]
        figures.transcribed[phrase] = sum(find(text, phrases, "sentences") is not None for _, text in texts)
        figures.transcribed_missed += [f"{name}: {text}" for name, text in texts if find(text, phrases, "sentences") is None]
    others = [await heard(voice.say(text)) for text in SENTENCES.read_text(encoding="utf-8").splitlines()]
    figures.transcribed_others = len(others)
    figures.transcribed_false = [text for text in others if find(text, phrases, "sentences") is not None]
    engine.close()


def whole_appliance(figures: Figures, voice: Speaker, seconds: float) -> None:
    """Asleep, while its client sends speech half of the time. Linux."""
    from rtvi_local.bench.server_process import ServerProcess

    sentence = to_int16(voice.say("The children are playing in the garden behind the house."))
    talk = resampled(np.concatenate([sentence, np.zeros_like(sentence)]), LISTENING_SAMPLE_RATE, CALLER_RATE)
    for words in ("okay nabu", "hey computer"):
        with ServerProcess(environment={"RTVI_LOCAL_WAKE_WORDS": words}) as server:
            percent = asyncio.run(_cpu_percent(server.url, server.cpu_s, talk, seconds))
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


def report(figures: Figures) -> str:
    lines = [f"{word:12} woke {count:2} of {len(SPEEDS) * len(CROWDS_DB)}" for word, count in figures.woken.items()]
    lines += [f"  missed: {name}" for name in figures.missed]
    lines.append(f"other speech: {len(figures.false_wakes)} false wakes in {figures.other_speech_minutes:.1f} minutes")
    lines += [f"  {name}" for name in figures.false_wakes]
    lines.append(f"four models: {figures.detectors_percent_of_a_core:.2f} % of one core")
    for phrase, count in figures.transcribed.items():
        lines.append(f"{phrase!r} in transcripts: found in {count} of {len(SPEEDS) * len(CROWDS_DB)}")
    lines += [f"  missed: {name}" for name in figures.transcribed_missed]
    if figures.transcribed:
        lines.append(f"  taken for it: {len(figures.transcribed_false)} of {figures.transcribed_others} other sentences")
        lines += [f"    {text}" for text in figures.transcribed_false]
    for words, percent in figures.server_percent_of_a_core.items():
        lines.append(f"whole appliance asleep ({words}), its client talking half of the time: {percent:.1f} % of one core")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.wake", description="How well wake words work here.")
    parser.add_argument("--minutes", type=float, default=10, help="of other speech (default 10)")
    parser.add_argument("--audio", type=Path, help="a folder with recordings to be ignored, too")
    parser.add_argument("--phrase", action="append", default=[], help="trigger words that Whisper must find; may be repeated")
    parser.add_argument("--server", action="store_true", help="also measure a whole appliance that is asleep")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    store = open_store(os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY", ""))
    models = store.preset("laptop")
    voice = Speaker(store.path(models.tts))
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    people = crowd([voice.say(text) for text in sentences[:20]], 20 * LISTENING_SAMPLE_RATE)
    figures = Figures()
    recognition(figures, voice, people)
    other_speech(figures, voice, options.minutes, options.audio)
    if options.phrase:
        asyncio.run(through_whisper(figures, voice, people, options.phrase, store.path(models.stt)))
    if options.server:
        whole_appliance(figures, voice, 20)
    sys.stdout.write((json.dumps(asdict(figures), indent=1) if options.json else report(figures)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
