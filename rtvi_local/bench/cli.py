"""`rtvi-local bench`: voice-to-voice latency of this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtvi_local.bench.people import DEFAULT, recordings_folder
from rtvi_local.bench.turns.cli import register as register_turns
from rtvi_local.bench.turns.cli import run as run_turns
from rtvi_local.errors import UserError

if TYPE_CHECKING:
    from rtvi_local.bench.latency import Utterance
    from rtvi_local.model_store import ModelStore, Preset

QUESTIONS = (
    "What is the capital of France?",
    "Tell me something about the moon.",
    "How many days are there in a week?",
    "What should I cook for dinner tonight?",
    "Why is the sky blue?",
    "Can you recommend a good book?",
    "What is the largest animal in the world?",
    "How do I make a cup of tea?",
    "Who wrote Romeo and Juliet?",
    "What do bees eat?",
)
"""Spoken by the project's own voice, so that the same is measured on every machine."""


def register(commands: Any) -> None:
    """Add the command to the subparsers of `rtvi-local`."""
    parser = commands.add_parser(
        "bench",
        help="how fast this machine answers, over real WebRTC, as a table and a plot",
        description="Talks with an appliance over real WebRTC and measures how long each answer takes, and why.",
    )
    parser.add_argument("--questions", type=_count, default=20, metavar="N", help="turns that count (default 20; 0: none)")
    parser.add_argument("--warm-up", type=_count, default=3, metavar="N", help="turns before them that don't (default 3)")
    parser.add_argument("--depth", type=_some, default=10, metavar="N", help="turns of one conversation (default 10)")
    parser.add_argument("--interruptions", type=_count, default=0, metavar="N", help="how fast the bot stops when spoken over")
    parser.add_argument("--conversations", type=_counts, default=(), metavar="1,2,4", help="so many talking at the same time")
    parser.add_argument("--after", type=_count, default=0, metavar="N", help="latency after N turns (in writing, to save time)")
    parser.add_argument("--idle", type=_counts, default=(), metavar="1,8", help="processor time of so many idle connections")
    parser.add_argument("--cancels", type=_count, default=0, metavar="N", help="how fast cancelled engines free the cores")
    parser.add_argument("--url", help="measure an appliance that is running already (default: start one)")
    add_audio_option(parser, "say the WAV files in this folder too")
    parser.add_argument("--preset", default="laptop", help="models of the appliance that is started (default laptop)")
    parser.add_argument("--device", default="auto", help="what it computes on: auto, cpu or cuda (default auto)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write them there as JSON")
    parser.add_argument("--add", action="store_true", help="keep what that file holds: turns are added, the rest is replaced")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there (SVG)")
    register_turns(parser)
    parser.set_defaults(run=run)


def add_audio_option(parser: argparse.ArgumentParser, what: str) -> None:
    """`--audio`: a folder with recordings, and `what` is done with them."""
    parser.add_argument(
        "--audio",
        type=Path,
        default=recordings_folder(),
        metavar="FOLDER",
        help=f"{what} (default: {DEFAULT})",
    )


def run(arguments: argparse.Namespace) -> int:
    # SIGTERM is Ctrl-C: what was measured is kept, and the appliance that was started for it ends too.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(arguments)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.add and not arguments.save:
        raise UserError("--add needs --save FILE")
    if arguments.turns:
        return run_turns(arguments)

    from rtvi_local.bench import bounds
    from rtvi_local.bench.latency import Turn
    from rtvi_local.bench.plot import plot
    from rtvi_local.bench.report import rest, table
    from rtvi_local.bench.server_process import ServerFailed
    from rtvi_local.bench.sitting import Plan, Report, add, is_empty, sit

    plan = Plan(
        turns=arguments.questions,
        warm_up=arguments.warm_up,
        depth=arguments.depth,
        interruptions=arguments.interruptions,
        conversations=arguments.conversations,
        after=arguments.after,
        idle=arguments.idle,
        cancels=arguments.cancels,
        preset=arguments.preset,
        device=arguments.device,
    )
    if (plan.idle or plan.cancels) and arguments.url:
        raise UserError("--idle and --cancels measure what they start themselves: leave --url away")
    earlier = _read(arguments.save) if arguments.add else {}
    utterances = interleaved(recordings(arguments.audio), asyncio.run(questions()))
    measured: Report = {}
    try:
        sit(plan, utterances, arguments.url, _say, measured)
    except (ServerFailed, ConnectionError, OSError) as error:
        raise UserError(str(error)) from error
    finally:
        # Also if it breaks off, or is interrupted: a sitting may have taken an hour until then.
        report = add(earlier, measured)
        if arguments.save and not is_empty(measured):
            arguments.save.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            _say(f"what was measured is in {arguments.save}")
    turns = [Turn(**turn) for turn in report.get("latency", {}).get("turns", ())]
    answered = any(turn.counts for turn in turns)
    if arguments.plot and answered:
        arguments.plot.write_text(plot(turns, report["machine"]), encoding="utf-8")
    if arguments.json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        parts = (table(turns) if turns else "", rest(report), bounds.table(report))
        sys.stdout.write("\n\n".join(part for part in parts if part) + "\n")
    return 0 if answered or not plan.turns else 1


def interleaved(recordings: list[Utterance], spoken: list[Utterance]) -> list[Utterance]:
    """A recording, a question, a recording, …, then what is left of either: any few in a row are of both kinds."""
    pairs = [utterance for pair in zip(recordings, spoken, strict=False) for utterance in pair]
    shorter = min(len(recordings), len(spoken))
    return pairs + recordings[shorter:] + spoken[shorter:]


def recordings(folder: Path | None) -> list[Utterance]:
    """The WAV files of a folder, in the order of their names. Raises UserError if there are none in it."""
    from rtvi_local.bench.latency import Utterance
    from rtvi_local.bench.speech import read_wav, speech_span
    from rtvi_local.engines.silero import Silero

    if folder is None:
        return []
    files = sorted(folder.glob("*.wav"))
    if not files:
        raise UserError(f"there are no WAV files in {folder}")
    store, models = _laptop_models()
    silero = Silero.load(store.path(models.vad))
    said = {path.stem: read_wav(path) for path in files}
    return [Utterance(name, samples, speech_span(samples, silero.detector())) for name, samples in said.items()]


async def questions() -> list[Utterance]:
    """QUESTIONS, spoken by the default voice."""
    from rtvi_local.bench.latency import Utterance
    from rtvi_local.bench.speech import synthesize
    from rtvi_local.engines.piper import PiperVoice

    store, models = _laptop_models()
    voice = PiperVoice.load(store.path(models.tts), device="cpu", threads=os.cpu_count() or 1)
    try:
        return [Utterance(text, await synthesize(voice, text)) for text in QUESTIONS]
    finally:
        voice.close()


def _laptop_models() -> tuple[ModelStore, Preset]:
    """Whatever is measured, the same voice asks."""
    from rtvi_local.config_sources import load_config
    from rtvi_local.model_store import open_store

    store = open_store(load_config({}, file=None, environment=os.environ).config.models.directory)
    return store, store.preset("laptop")


def _read(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path} is no report of rtvi-local bench: {error}") from error
    return report


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_some(part) for part in text.split(","))
