"""python -m rtvi_local.bench.watched LOG serve …: the command line with a watch on its event loop.

Every callback that holds the loop longer than LIMIT_MS becomes a line in LOG: when it began (in ms of the clock that all
processes of this machine share), how long it took, how much of that it computed (the rest it waited for a core, or for the
interpreter), and what it was. asyncio's own debug mode tells the same, but slows down
every callback to do so.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.cli import main as command_line

LIMIT_MS = 2.0


@dataclass(frozen=True, slots=True)
class Stall:
    at_ms: float
    lasted_ms: float
    computed_ms: float
    what: str


def watch(log: Path) -> None:
    """From now on, in this process."""
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began, computing = time.monotonic(), time.thread_time()
        run(handle)
        lasted_ms = (time.monotonic() - began) * 1000
        if lasted_ms >= LIMIT_MS:
            with log.open("a", encoding="utf-8") as file:
                computed_ms = (time.thread_time() - computing) * 1000
                file.write(f"{began * 1000:.1f} {lasted_ms:.2f} {computed_ms:.2f} {name_of(handle)}\n")

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010 - the types know no such change


def name_of(handle: asyncio.Handle) -> str:
    """The coroutine's or function's qualified name; no argument, which could hold what somebody said."""
    callback = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    named = owner.get_coro() if isinstance(owner, asyncio.Task) else callback
    return str(getattr(named, "__qualname__", type(named).__name__))


def read_stalls(log: Path) -> list[Stall]:
    """What a watched process has written; nothing if it has written nothing."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    fields = [line.split(maxsplit=3) for line in lines]
    return [Stall(float(at), float(lasted), float(computed), what) for at, lasted, computed, what in fields]


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
    sys.exit(command_line(sys.argv[2:]))
