"""How long the first `make run` takes until it answers, how long the next one, and what they leave on the disk.

    python -m rtvi_local.bench.first_run --save docs/first_run.json     # in the checkout; `make first-run`

Everything is installed, compiled and fetched anew, into a folder of its own, past pip's cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtvi_local.bench.server_process import ChildProcess, free_port
from rtvi_local.bench.sitting import machine, now
from rtvi_local.model_store import open_store
from rtvi_local.model_store.files import disk_bytes

FIRST_S, NEXT_S = 3600.0, 120.0
"""The most that a start may take."""


def ready_after(venv: Path, environment: dict[str, str], within_s: float) -> float:
    """Seconds from `make run` until it would begin a conversation. It is stopped then."""
    port = free_port()
    command = ["make", "run", f"VENV={venv}", f"ARGS=--port {port}"]
    running = ChildProcess("make run", command, f"http://127.0.0.1:{port}", "/readyz", environment, within_s=within_s)
    with running:
        # Not SIGINT, which make leaves to the terminal to give to its children.
        running.process.terminate()
        running.process.wait(30)
    return running.ready_after_s


def measured(folder: Path) -> dict[str, Any]:
    """All of it, in `folder`, which is deleted first."""
    shutil.rmtree(folder, ignore_errors=True)
    models = folder / "models"
    environment = {"RTVI_LOCAL_MODELS_DIRECTORY": str(models.resolve()), "PIP_NO_CACHE_DIR": "1"}
    first_s, next_s = (ready_after(folder / "venv", environment, within_s) for within_s in (FIRST_S, NEXT_S))
    store = open_store(models)
    return {
        "measured": now(),
        "machine": machine(),
        "first_s": round(first_s),
        "next_s": round(next_s, 1),
        "fetched_mb": round(sum(store.manifest.model(name).size for name in store.preset().names) / 1e6),
        "venv_mb": round(disk_bytes(folder / "venv") / 1e6),
        "models_mb": round(disk_bytes(models) / 1e6),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/first-run"), help="for what is installed; deleted first")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--installed", type=Path, metavar="VENV", help="only start twice what is installed there already")
    arguments = parser.parse_args(argv)
    if arguments.installed:
        for _ in range(2):
            took_s = ready_after(arguments.installed, {}, NEXT_S)
            sys.stdout.write(f"make run: ready after {took_s:.1f} s, and stopped\n")
        return 0
    figures = measured(arguments.folder)
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.save:
        arguments.save.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
