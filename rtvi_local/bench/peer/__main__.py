"""python -m rtvi_local.bench.peer: this project and Pipecat by turns, on the same models, questions and caller.

Both run all the while; the two sides talk block by block, each block a conversation of its own whose first turn does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.cli import add_audio_option, interleaved, questions, recordings
from rtvi_local.bench.interruption import Interruption, interrupt
from rtvi_local.bench.latency import Turn, Utterance, converse
from rtvi_local.bench.peer.comparison import comparison, medians, ratios
from rtvi_local.bench.peer.environment import PACKAGES, ensure
from rtvi_local.bench.peer.processes import Peer
from rtvi_local.bench.report import aligned, spread
from rtvi_local.bench.server_process import ServerFailed, ServerProcess
from rtvi_local.bench.sitting import machine, now
from rtvi_local.config_sources import load_config
from rtvi_local.errors import UserError
from rtvi_local.model_store import open_store

OURS, THEIRS = "rtvi-local", "pipecat"
Turns = dict[str, list[Turn]]
Interruptions = dict[str, list[Interruption]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.peer", description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=20, metavar="N", help="turns of each side that count (default 20)")
    parser.add_argument("--block", type=int, default=5, metavar="N", help="turns of one side before the other's (default 5)")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="begin with the question after the first N")
    parser.add_argument("--interruptions", type=int, default=0, metavar="N", help="of each side, at the end of each block")
    parser.add_argument("--preset", default="laptop", choices=("laptop", "tiny"))
    add_audio_option(parser, "say the WAV files in this folder too")
    parser.add_argument("--environment", type=Path, default=Path("build/peer-venv"), metavar="FOLDER", help="of the peer")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures there as JSON")
    parser.add_argument("--add", action="store_true", help="count what that file holds too")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except (UserError, ServerFailed, ConnectionError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(options: argparse.Namespace) -> int:
    python = ensure(options.environment.absolute())
    store = open_store(load_config({}, file=None, environment=os.environ).config.models.directory)
    models = store.preset(options.preset)
    peer = Peer(
        python,
        whisper=store.path(models.stt),
        gguf=next(store.path(models.llm).glob("*.gguf")),
        voice=next(store.path(models.tts).glob("*.onnx")),
    )
    utterances = interleaved(recordings(options.audio), asyncio.run(questions()))
    script = [utterances[(options.skip + i) % len(utterances)] for i in range(options.turns)]
    blocks = [script[i : i + options.block] for i in range(0, len(script), options.block)]
    turns: Turns = {OURS: [], THEIRS: []}
    stops: Interruptions = {OURS: [], THEIRS: []}
    with ExitStack() as stack:
        bot, model_server = peer.start(stack)
        server = stack.enter_context(ServerProcess(["--preset", options.preset]))
        for number, block in enumerate(blocks):
            sides = [(OURS, server.url), (THEIRS, bot.url)]
            for side, url in sides if number % 2 == 0 else reversed(sides):
                said, stopped = asyncio.run(_block(side, url, block, utterances[-1], options.interruptions))
                turns[side] += said
                stops[side] += stopped
        memory = {OURS: server.memory_bytes() / 1e6, THEIRS: (bot.memory_bytes() + model_server.memory_bytes()) / 1e6}
    if options.add and options.save and options.save.is_file():
        earlier = json.loads(options.save.read_text(encoding="utf-8"))
        for side in turns:
            turns[side] = [Turn(**turn) for turn in earlier["turns"][side]] + turns[side]
            stops[side] = [Interruption(**one) for one in earlier["interruptions"][side]] + stops[side]
    if options.save:
        report = _report(options.preset, turns, stops, memory)
        options.save.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(comparison(turns[OURS], turns[THEIRS]) + "\n\n" + _beside(stops, memory) + "\n")
    return 0


async def _block(
    side: str, url: str, block: Sequence[Utterance], first: Utterance, interruptions: int
) -> tuple[list[Turn], list[Interruption]]:
    def on_turn(turn: Turn) -> None:
        took = "no answer" if turn.total_ms is None else "into a pause" if turn.into_pause else f"{turn.total_ms:.0f} ms"
        sys.stderr.write(f"{side:>10}  {took:>12}  {turn.name}\n")

    async with Caller(url) as caller:
        await converse(caller, [first])
        turns = await converse(caller, block, on_turn, depth=1)
        stopped = [await interrupt(caller, first, block[i % len(block)]) for i in range(interruptions)]
        return turns, stopped


def _stopped_ms(stops: Sequence[Interruption]) -> list[float]:
    return [one.silent_after_ms for one in stops if one.silent_after_ms is not None]


def _beside(stops: Interruptions, memory: dict[str, float]) -> str:
    rows = [["memory, MB", *(f"{memory[side]:.0f}" for side in (OURS, THEIRS))]]
    for what in ("median", "p90"):
        figures = [spread(_stopped_ms(stops[side])).get(what) for side in (OURS, THEIRS)]
        if any(figures):
            rows.append([f"interruption to silence, {what}, ms", *("" if f is None else f"{f:.0f}" for f in figures)])
    return aligned(["", OURS, THEIRS], rows)


def _report(preset: str, turns: Turns, stops: Interruptions, memory: dict[str, float]) -> dict[str, Any]:
    return {
        "measured": now(),
        "machine": machine(),
        "preset": preset,
        "packages": PACKAGES,
        "medians": {side: medians(turns[side]) for side in turns},
        "ratios": ratios(turns[OURS], turns[THEIRS]),
        "memory_mb": memory,
        "interruption_ms": {side: spread(_stopped_ms(stops[side])) for side in stops},
        "interruptions": {side: [asdict(one) for one in stops[side]] for side in stops},
        "turns": {side: [asdict(turn) for turn in turns[side]] for side in turns},
    }


if __name__ == "__main__":
    sys.exit(main())
