"""What was heard is what is remembered: interrupts the bot at many points, over real WebRTC, and compares.

    python -m rtvi_local.bench.heard [--interruptions 30] [--virtual] [--save docs/heard.json] [--json]

Three numbers of words for each interruption: what the context holds of the reply; what the listener's recording contains by the
voice's own word clock; and the same by Whisper's forced alignment of the text with the sound, which knows nothing of the
voice's clock. Where the recording ends is found by laying it over the sound that the voice made, sample by sample.
Exits with 1 if a bound does not hold: within one word of the recording, by Whisper, each time.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import Caller, Said
from rtvi_local.bench.heard_trials import FADED_MS, STORY, Trial, figures, report, trial
from rtvi_local.bench.heard_virtual import interrupted
from rtvi_local.bench.inside import Inside, inside
from rtvi_local.bench.sitting import machine
from rtvi_local.bench.speech import synthesize
from rtvi_local.bench.word_clock import WordClock
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.silero import Silero
from rtvi_local.model_store import open_store

VOICE, WHISPER = "piper-en_US-joe-medium", "whisper-base"
WAYS = ("Wait a moment, please.", "What is the capital of France?", "tts:interrupt", "No, stop, that is wrong.", "typed")
"""By voice, by a client's button, by a message in writing."""
SPOKEN = tuple(way for way in WAYS if way.endswith((".", "?")))
FIRST_S, LAST_S = 0.3, 14.0
"""Into the reply, spread evenly: earliest and latest interruption."""


def after(number: int, count: int) -> float:
    """When the interruption of this number comes. Neighbours are far apart, so that every way has early and late ones."""
    return FIRST_S + (LAST_S - FIRST_S) * ((number * 7) % count) / max(1, count - 1)


async def trials(at: Inside, caller: Caller, voice: PiperVoice, clock: WordClock, count: int) -> list[Trial]:
    spoken = {way: await synthesize(voice, way) for way in SPOKEN}
    found: list[Trial] = []
    for number, way in zip(range(count), itertools.cycle(WAYS), strict=False):
        found.append(await _trial(at, caller, way, spoken, after(number, count), clock))
        sys.stderr.write(f"{number + 1}/{count} {found[-1]}\n")
    return found


async def _trial(at: Inside, caller: Caller, way: str, spoken: dict[str, Int16], after_s: float, clock: WordClock) -> Trial:
    await _quiet(at, caller)
    at.frames.clear()
    began_ms, since = caller.now_ms(), len(caller.messages)
    caller.send("client-message", {"t": "tts:say", "d": {"text": STORY}})
    await caller.sound_after(began_ms, 20)
    await asyncio.sleep(after_s)
    said: Said | None = None
    if way in spoken:
        said = caller.say(spoken[way])
    elif way == "typed":
        caller.send("send-text", {"content": "Never mind.", "options": {"run_immediately": True, "audio_response": False}})
    else:
        caller.send("client-message", {"t": way})
    await caller.wait_for("bot-stopped-speaking", since=since, timeout_s=30)
    stopped_ms = caller.now_ms()
    await asyncio.sleep(0.1)  # what was sent before may still be on its way
    if said is not None:
        await said.done.wait()
    messages = at.conversation.context.messages
    await _until(lambda: any(message["role"] == "assistant" for message in messages), 3)
    caller.send("client-message", {"t": "tts:interrupt"})  # whatever answers the interruption is not of interest
    arrivals = [arrival for arrival in caller.arrivals if began_ms <= arrival.at_ms < stopped_ms + FADED_MS]
    return trial(way, after_s, at.frames, messages, arrivals, clock)


async def _quiet(at: Inside, caller: Caller) -> None:
    await _until(lambda: at.conversation.controls.is_idle, 30)
    await caller.quiet_for(500)
    caller.send("client-message", {"t": "context:clear"})
    await _until(lambda: len(at.conversation.context.messages) <= 1, 5)


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)


async def measure(count: int, models: Path) -> list[Trial]:
    """Over real WebRTC."""
    clock = WordClock(models / WHISPER)
    async with inside() as at:
        voice = PiperVoice.load(models / VOICE, device="cpu", threads=1)
        try:
            async with Caller(at.url) as caller:
                return await trials(at, caller, voice, clock, count)
        finally:
            voice.close()


def measure_virtually(count: int, models: Path, spoken_by: str = VOICE) -> list[Trial]:
    voice, silero = PiperVoice.load(models / spoken_by, device="cpu", threads=1), Silero.load(models / "silero-vad-v6")
    clock = WordClock(models / WHISPER)
    found: list[Trial] = []
    for number, way in zip(range(count), itertools.cycle(WAYS), strict=False):
        objection = virtual_clock.run(synthesize(voice, way, LISTENING_SAMPLE_RATE)) if way in SPOKEN else None
        one = interrupted(way, objection, after(number, count), voice, silero, clock)
        found.append(virtual_clock.run(one))
        sys.stderr.write(f"{number + 1}/{count} {found[-1]}\n")
    voice.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.heard", description=__doc__.partition("\n")[0])
    parser.add_argument("--interruptions", type=int, default=30, metavar="N", help="how many (default 30)")
    parser.add_argument("--virtual", action="store_true", help="in virtual time, without a network")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write them there as JSON")
    options = parser.parse_args(arguments)
    models = open_store(os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY", "")).directory
    if options.virtual:
        found = measure_virtually(options.interruptions, models)
    else:
        found = asyncio.run(measure(options.interruptions, models))
    as_json = json.dumps(
        {
            "machine": machine(),
            "measured": date.today().isoformat(),
            "virtual": options.virtual,
            "trials": [asdict(t) for t in found],
        }
    )
    if options.save:
        options.save.write_text(as_json + "\n", encoding="utf-8")
    sys.stdout.write((as_json if options.json else report(found)) + "\n")
    return 1 if any(figure.holds is False for figure in figures(found)) else 0


if __name__ == "__main__":
    sys.exit(main())
