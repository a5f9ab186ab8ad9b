"""`rtvi-local bench --turns`: how well the appliance takes turns."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rtvi_local.errors import UserError

DEFAULT = "all"
QUICK = "quick"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to `rtvi-local bench`."""
    parser.add_argument(
        "--turns",
        nargs="?",
        const=DEFAULT,
        metavar="WHAT",
        help="play scenes of turn-taking instead: all, quick (every sixth scene), or kinds by name, as in end,noise",
    )
    parser.add_argument(
        "--smart-turn",
        default="both",
        choices=("both", "on", "off"),
        help="which way scenes are played; bounds are judged with it on",
    )


def chosen(what: str) -> tuple[list[str], bool]:
    """Names of kinds, and whether only some of their scenes. Raises UserError for one that there is not."""
    from rtvi_local.bench.turns.kinds import KINDS

    words = [word.strip() for word in what.split(",") if word.strip()]
    names = [word for word in words if word not in (DEFAULT, QUICK)]
    for name in names:
        if name not in KINDS:
            hint = " The number of questions is --questions." if name.isdigit() else ""
            raise UserError(f"There is no kind of scene {name!r}; there are {', '.join([*KINDS, DEFAULT, QUICK])}.{hint}")
    return names or list(KINDS), QUICK in words


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 if a figure does not hold. Raises UserError, KeyboardInterrupt. What was observed until then has been shown."""
    from rtvi_local.bench.server_process import ServerFailed
    from rtvi_local.bench.turns import runner
    from rtvi_local.bench.turns.kinds import KINDS
    from rtvi_local.bench.turns.report import broken, with_figures
    from rtvi_local.bench.turns.sounds import Studio
    from rtvi_local.config_sources import load_config
    from rtvi_local.engines.whisper import Whisper
    from rtvi_local.model_store import open_store

    names, quick = chosen(arguments.turns)
    report = _read(arguments.save) if arguments.add else runner.new_report()
    store = open_store(load_config({}, file=None, environment=os.environ).config.models.directory)
    models = store.preset("laptop")
    studio = Studio(store.path(models.tts), Path(tempfile.gettempdir()) / "rtvi-local-turns")
    whisper = Whisper.load(store.path(models.stt), device="cpu", threads=os.cpu_count() or 1)
    try:
        runner.run(
            [KINDS[name] for name in names],
            {"both": (True, False), "on": (True,), "off": (False,)}[arguments.smart_turn],
            report,
            studio=studio,
            whisper=whisper,
            recordings=arguments.audio,
            every=runner.QUICK if quick else 1,
            url=arguments.url,
            server=("--preset", arguments.preset, "--device", arguments.device),
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
        )
    except (ServerFailed, OSError) as error:
        raise UserError(str(error)) from error
    finally:
        # Also if it breaks off, or is interrupted: a sitting may have taken an hour until then.
        if report["kinds"]:
            _show(with_figures(report), arguments)
        studio.close()
        whisper.close()
    return 1 if broken(report) else 0


def _show(report: dict[str, Any], arguments: argparse.Namespace) -> None:
    from rtvi_local.bench.turns.report import table

    sys.stdout.write((json.dumps(report, indent=1) if arguments.json else table(report)) + "\n")
    sys.stdout.flush()
    if arguments.save:
        try:
            arguments.save.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{arguments.save} was not written: {error.strerror}") from error


def _read(path: Path) -> dict[str, Any]:
    from rtvi_local.bench.turns.runner import new_report

    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else new_report()
        report["kinds"]
    except (ValueError, KeyError) as error:
        raise UserError(f"{path} is no report of rtvi-local bench --turns: {error}") from error
    return report
