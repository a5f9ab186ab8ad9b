"""python -m rtvi_local.bench.profile: one turn under a sampling profiler (py-spy), and what held the event loop up during it.

Writes FOLDER/flame.svg (open it in a browser: a column per thread, wide is long) and FOLDER/stalls.txt. py-spy must be allowed
to look into another process: on Linux run it as root, or set kernel.yama.ptrace_scope to 0.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.cli import questions
from rtvi_local.bench.latency import PAUSE_MS, Turn, Utterance, ask
from rtvi_local.bench.server_process import ChildProcess, ServerFailed, free_port
from rtvi_local.bench.watched import Stall, read_stalls
from rtvi_local.errors import UserError, extra

SAMPLES_PER_S = 500
ATTACH_S = 2.0
LONGEST = 30
"""Stalls that are listed one by one."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.profile", description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="laptop", help="models of the appliance (default laptop)")
    parser.add_argument(
        "--warm-up", type=int, default=2, metavar="N", help="turns before the one that is looked at (default 2)"
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("build/profile"), help="where the two files go (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(_profile(options))
    except (UserError, ServerFailed, ConnectionError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


async def _profile(options: argparse.Namespace) -> int:
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if spy is None:
        raise UserError(f"py-spy is missing: {extra('profile')}")
    options.folder.mkdir(parents=True, exist_ok=True)
    flame, log = options.folder / "flame.svg", options.folder / "stalls.log"
    log.unlink(missing_ok=True)
    spoken = await questions()
    port = free_port()
    serve = ["serve", "--port", str(port), "--preset", options.preset]
    command = [sys.executable, "-m", "rtvi_local.bench.watched", str(log), *serve]
    with ChildProcess("rtvi-local serve", command, f"http://127.0.0.1:{port}", "/readyz", {}) as server:
        async with Caller(server.url) as caller:
            for utterance in spoken[: options.warm_up]:
                await caller.quiet_for(PAUSE_MS)
                await ask(caller, utterance)
            await caller.quiet_for(PAUSE_MS)
            turn, began_ms = await _recorded(caller, spoken[options.warm_up], spy, server.process.pid, flame)
            ended_ms = caller.now_ms()
    stalls = [stall for stall in read_stalls(log) if began_ms <= stall.at_ms <= ended_ms]
    report = stall_report(stalls, turn, began_ms)
    (options.folder / "stalls.txt").write_text(report, encoding="utf-8")
    sys.stdout.write(f"{report}\nflame graph: {flame}\n")
    return 0 if flame.is_file() else 1


async def _recorded(caller: Caller, utterance: Utterance, spy: str, pid: int, flame: Path) -> tuple[Turn, float]:
    # Non-blocking: to stop the process for every sample would be the stall that is looked for.
    command = [
        spy,
        "record",
        "--pid",
        str(pid),
        "--output",
        str(flame),
        "--rate",
        str(SAMPLES_PER_S),
        "--threads",
        "--nonblocking",
    ]
    recorder = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE)
    complaint = asyncio.create_task(recorder.communicate())
    try:
        await asyncio.sleep(ATTACH_S)
        if recorder.returncode is not None:
            text = (await complaint)[1].decode(errors="replace").strip()
            raise UserError(f"py-spy could not look into the appliance: {text}")
        began_ms = caller.now_ms()
        return await ask(caller, utterance), began_ms
    finally:
        if recorder.returncode is None:
            recorder.send_signal(signal.SIGINT)
        await complaint


def stall_report(stalls: list[Stall], turn: Turn, began_ms: float) -> str:
    """What held the event loop up: by what ran, the worst first, then the longest in order of time (from the beginning of the
    question). What did not compute all the while waited for a core or for the interpreter: others are to blame."""
    answered = "not answered" if turn.total_ms is None else f"answered after {turn.total_ms:.0f} ms"
    lines = [f"“{turn.name}”, {answered}"]
    if not stalls:
        return "\n".join([*lines, "(nothing)", ""])
    lines += ["", "times   longest ms   all ms   computing ms  what ran"]
    by_name: dict[str, list[Stall]] = {}
    for stall in stalls:
        by_name.setdefault(stall.what, []).append(stall)
    for what, some in sorted(by_name.items(), key=lambda item: -sum(stall.lasted_ms for stall in item[1])):
        lasted, computed = [stall.lasted_ms for stall in some], sum(stall.computed_ms for stall in some)
        lines.append(f"{len(some):5} {max(lasted):12.1f} {sum(lasted):8.1f} {computed:14.1f}  {what}")
    lines += ["", "    at ms   for ms  computing ms  what ran"]
    longest = sorted(stalls, key=lambda stall: -stall.lasted_ms)[:LONGEST]
    for stall in sorted(longest, key=lambda stall: stall.at_ms):
        at_ms = stall.at_ms - began_ms
        lines.append(f"{at_ms:9.0f} {stall.lasted_ms:8.1f} {stall.computed_ms:13.1f}  {stall.what}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
