"""How long the cores stay busy with what is wanted no more: `python -m rtvi_local.bench.cancelling`, and `rtvi-local bench`.

Each engine is set to work as a conversation sets it to work, and cancelled at a moment that is drawn by lot. The cores are free
once this process, whose other threads have nothing to do, computes no more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from rtvi_local.audio.pcm import to_float
from rtvi_local.bench.report import percentile
from rtvi_local.bench.speech import synthesize
from rtvi_local.config_sources import load_config
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.whisper import Whisper
from rtvi_local.hardware import find_hardware, plan
from rtvi_local.model_store import open_store

LOOK_S = 0.002
FREE_S, FREE_SHARE = 0.01, 0.25
"""For so long less than this share of one core is used: the looks themselves take a few percent."""
GIVEN_UP_S = 5.0
SAID = "I looked at the weather for tomorrow in Berlin, and it will be mostly sunny with a few clouds in the afternoon."

Begin = Callable[[], Coroutine[Any, Any, object]]


@dataclass(frozen=True, slots=True)
class Work:
    begin: Begin
    latest_s: float
    """It is cancelled before this; it goes on for longer, or is begun anew."""


async def measure(works: Mapping[str, Work], times: int) -> dict[str, list[float]]:
    """Milliseconds from each cancelling until the cores are free, by the name of the work."""
    lot = random.Random(0)
    free: dict[str, list[float]] = {}
    for name, work in works.items():
        free[name] = []
        for _ in range(10 * times):
            task = asyncio.create_task(work.begin())
            await asyncio.sleep(lot.uniform(0.01, work.latest_s))
            if not task.done():
                task.cancel()
                free[name].append(await _free_after_ms())
            await asyncio.wait({task})
            if len(free[name]) == times:
                break
    return free


def summary(free: Mapping[str, list[float]]) -> dict[str, dict[str, float]]:
    """The part of a report: median and p95 in milliseconds, of how many."""
    return {
        name: {"median": percentile(values, 0.5), "p95": percentile(values, 0.95), "counted": len(values)}
        for name, values in free.items()
        if values
    }


async def _free_after_ms() -> float:
    began_s = time.perf_counter()
    looks = [(began_s, time.process_time())]
    while looks[-1][0] - began_s < GIVEN_UP_S:
        await asyncio.sleep(LOOK_S)
        looks.append((time.perf_counter(), time.process_time()))
        now_s, used_s = looks[-1]
        for at_s, until_then_s in looks:
            if now_s - at_s >= FREE_S and used_s - until_then_s < FREE_SHARE * (now_s - at_s):
                return (at_s - began_s) * 1000
    return GIVEN_UP_S * 1000


def measure_engines(preset: str, device: str, times: int) -> dict[str, dict[str, float]]:
    """Load a preset's engines, cancel each so many times, and free them. Blocks. Raises EngineError, UserError."""
    config = load_config({}, file=None, environment=os.environ).config
    store = open_store(config.models.directory)
    models, places = store.preset(preset), plan(find_hardware(), device)
    voice = PiperVoice.load(store.path(models.tts), device=places.tts.device, threads=places.tts.threads)
    whisper = Whisper.load(store.path(models.stt), device=places.stt.device, threads=places.stt.threads)
    llama = LlamaModel.load(
        store.path(models.llm),
        device=places.llm.device,
        threads=places.llm.threads,
        context_tokens=config.llm.context_tokens,
        sessions=2,
        recoded=config.models.recode,
    )
    try:
        return summary(asyncio.run(_measure(llama, whisper, voice, times)))
    finally:
        for engine in (llama, whisper, voice):
            engine.close()


async def _measure(llama: LlamaModel, whisper: Whisper, voice: PiperVoice, times: int) -> dict[str, list[float]]:
    heard = to_float(await synthesize(voice, SAID, LISTENING_SAMPLE_RATE))
    writing, reading = llama.open_session(), llama.open_session()
    numbers = iter(range(10**6))

    async def write() -> None:
        async for _ in writing.reply(
            [{"role": "user", "content": "Count from one to one hundred."}], max_tokens=400, temperature=0
        ):
            pass

    async def read() -> None:
        # Of a text whose beginning has been read already only the rest would be.
        text = f"Number {next(numbers)}. " + "I like apples and pears and plums. " * 90
        await reading.prefill([{"role": "user", "content": text}])

    async def speak() -> None:
        async for _ in voice.speak(SAID):
            pass

    return await measure(
        {
            "the model writes": Work(write, 0.5),
            "the model reads": Work(read, 0.5),
            "the voice is made": Work(speak, 0.25),
            "words are transcribed": Work(lambda: whisper.transcribe(heard, language="en"), 0.4),
        },
        times,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.cancelling", description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="laptop", help="whose models (default laptop)")
    parser.add_argument("--device", default="auto", help="what they compute on: auto, cpu or cuda (default auto)")
    parser.add_argument("--times", type=int, default=20, metavar="N", help="how often each is cancelled (default 20)")
    arguments = parser.parse_args()
    found = measure_engines(arguments.preset, arguments.device, arguments.times)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
