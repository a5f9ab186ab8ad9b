"""One sitting of `rtvi-local bench`: what is asked for is measured, one thing after the other, into a report.

A report is what `--save` writes: a dict of parts, each of which can be measured in a sitting of its own and added.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rtvi_local import __version__
from rtvi_local.bench.caller import Caller
from rtvi_local.bench.cancelling import measure_engines
from rtvi_local.bench.interruption import ENDED, STOPPED, WENT_ON, Interruption, interrupt
from rtvi_local.bench.late import lateness
from rtvi_local.bench.latency import Turn, Utterance, converse, measure
from rtvi_local.bench.load import (
    ANSWERING,
    after_a_long_conversation,
    at_the_same_time,
    idle_percent,
    loop_stalls,
    processor_name,
    stall_ms,
)
from rtvi_local.bench.report import by_depth, counts, on_the_wire, spread, summary
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.hardware import count_cores

Report = dict[str, Any]
TIDY_S = 4.0
"""After the last turn, until what it left behind has been given back."""
TURNS_IN_COMPANY = 5
"""Turns of each of several callers, and after a long conversation."""


@dataclass(frozen=True, slots=True)
class Plan:
    turns: int = 20
    warm_up: int = 3
    depth: int = 10
    """Turns of one conversation; then another begins."""
    interruptions: int = 0
    conversations: tuple[int, ...] = ()
    after: int = 0
    idle: tuple[int, ...] = ()
    cancels: int = 0
    """How often each engine is set to work and cancelled, in this process."""
    preset: str = "laptop"
    device: str = "auto"

    @property
    def server(self) -> tuple[str, ...]:
        """Arguments of `rtvi-local serve`."""
        return ("--preset", self.preset, "--device", self.device)


def sit(plan: Plan, utterances: Sequence[Utterance], url: str | None, say: Callable[[str], None], report: Report) -> None:
    """Measure all that the plan asks for into `report`, of the appliance at `url`, or of one that is started for it.

    Raises ServerFailed, ConnectionError, OSError; what was measured until then is in the report."""
    report.update({"version": __version__, "arguments": list(plan.server), "machine": machine()})
    if url is not None:
        asyncio.run(_talk(plan, utterances, url, report, say))
        return
    if plan.turns or plan.interruptions or plan.conversations or plan.after:
        say("starting an appliance …")
        with ServerProcess(plan.server) as server:
            report["process"] = {"measured": now(), "ready_s": server.ready_after_s}
            server.run(_talk(plan, utterances, server.url, report, say, server))
    if plan.idle:
        # Afresh: what earlier conversations left behind is not idle.
        # A conversation that was hung up takes its place for two seconds more.
        with ServerProcess(plan.server, environment={"RTVI_LOCAL_SERVER_MAX_CONVERSATIONS": str(sum(plan.idle))}) as server:
            for connections in plan.idle:
                percent = server.run(idle_percent(server, connections))
                say(f"idle, {connections} connected: {percent:.1f} % of one core")
                report.setdefault("idle", {"measured": now(), "percent": {}})["percent"][str(connections)] = percent
    if plan.cancels:
        say(f"each engine is cancelled {plan.cancels} times")
        free = measure_engines(plan.preset, plan.device, plan.cancels)
        report["cancelling"] = {"measured": now(), "free after": free}


async def _talk(
    plan: Plan,
    utterances: Sequence[Utterance],
    url: str,
    report: Report,
    say: Callable[[str], None],
    server: ServerProcess | None = None,
) -> None:
    def on_turn(turn: Turn) -> None:
        took = "no answer" if turn.total_ms is None else "into a pause" if turn.into_pause else f"{turn.total_ms:.0f} ms"
        say(f"turn {turn.depth + 1:2}  {took:>12}  {turn.name}")

    async def warm_up(number: int) -> None:
        if number:
            say(f"{number} turns that don't count")
            await measure(url, utterances[-number:])

    if plan.turns:
        await warm_up(plan.warm_up)
        stalls, answering = loop_stalls(url), loop_stalls(url, ANSWERING)
        turns: list[Turn] = []
        sampled: list[int] = []

        def on_counted_turn(turn: Turn) -> None:
            turns.append(turn)
            report["latency"] = latency(turns)
            on_turn(turn)

        sampling = asyncio.create_task(_sample(server, sampled))
        *earlier, last = scripts(utterances, plan.turns, plan.depth)
        for script in earlier:
            await measure(url, script, on_counted_turn)
        async with Caller(url) as caller:
            await converse(caller, last, on_counted_turn)
            sampling.cancel()
            process = report.setdefault("process", {"measured": now()})
            process["loop_stall_p99_ms"] = stall_ms(stalls, loop_stalls(url))
            process["answering_stall_p99_ms"] = stall_ms(answering, loop_stalls(url, ANSWERING))
            if server is not None:
                process["peak_memory_mb"] = max(sampled) / 1e6
                # Not after hanging up: it is what an appliance holds while somebody is there and nobody speaks.
                await asyncio.sleep(TIDY_S)
                process["memory_mb"] = server.memory_bytes() / 1e6
    elif plan.interruptions or plan.conversations or plan.after:
        await warm_up(min(plan.warm_up, 2))
    if plan.interruptions:
        await _interrupt(plan.interruptions, utterances, url, report, say)
    if plan.conversations:
        for callers in plan.conversations:
            say(f"{callers} talking at the same time")
            some = await at_the_same_time(url, callers, utterances[-TURNS_IN_COMPANY:], on_turn)
            report.setdefault("conversations", {"measured": now(), "at once": {}})["at once"][str(callers)] = _short(some)
    if plan.after:
        say(f"after {plan.after} turns in writing")
        some = await after_a_long_conversation(url, plan.after, utterances[-TURNS_IN_COMPANY:], on_turn)
        report["long"] = {"measured": now(), "depth": plan.after, **_short(some)}


async def _sample(server: ServerProcess | None, sampled: list[int]) -> None:
    with contextlib.suppress(OSError):  # it has died, which whoever waits for it says
        while server is not None:
            sampled.append(server.memory_bytes())
            await asyncio.sleep(0.1)


def scripts(utterances: Sequence[Utterance], turns: int, depth: int) -> list[list[Utterance]]:
    """What is said in each conversation. Of two whole conversations, the second begins with what the first ended with, and
    ends with what it began with: so the first and the deepest turns are of the same utterances, and can be compared."""
    every = [utterances[number % len(utterances)] for number in range(turns)]
    conversations = [every[start : start + depth] for start in range(0, turns, depth)]
    for one, other in zip(conversations[::2], conversations[1::2], strict=False):
        if len(one) == len(other) > 1:
            other[0], other[-1] = one[-1], one[0]
    return conversations


async def _interrupt(
    number: int, utterances: Sequence[Utterance], url: str, report: Report, say: Callable[[str], None]
) -> None:
    each: list[Interruption] = []
    async with Caller(url) as caller:
        for i in range(number):
            question, objection = utterances[-1 - i % len(utterances)], utterances[-2 - i % (len(utterances) - 1)]
            each.append(await interrupt(caller, question, objection))
            report["interruptions"] = interruptions(each)
            after_ms, how = each[-1].silent_after_ms, each[-1].outcome
            say(f"interruption {i + 1:2}  {how if after_ms is None else f'{after_ms:.0f} ms':>19}  {objection.name}")


def latency(turns: Sequence[Turn]) -> Report:
    """The report's part on turns."""
    depths = {str(depth): figures for depth, figures in by_depth(turns).items()}
    figures = {"summary": summary(turns), "by depth": depths, "counts": counts(turns), "late": lateness(turns)}
    figures["on the wire"] = on_the_wire(turns)
    return {"measured": now(), **figures, "turns": [asdict(turn) for turn in turns]}


def interruptions(each: Sequence[Interruption]) -> Report:
    """The report's part on interruptions."""
    values = [one.silent_after_ms for one in each if one.silent_after_ms is not None]
    figures: Report = {"measured": now(), **spread(values), "counted": len(values), "tried": len(each)}
    if all(one.outcome for one in each):
        figures |= {what: sum(one.outcome == what for one in each) for what in (STOPPED, ENDED, WENT_ON)}
    return {**figures, "each": [asdict(one) for one in each]}


def is_empty(report: Report) -> bool:
    """Whether nothing was measured."""
    return not report.keys() & {"latency", "interruptions", "conversations", "long", "idle", "cancelling"}


def add(earlier: Report, report: Report) -> Report:
    """Both in one: turns and interruptions together, of everything else the newer."""
    both = {**earlier, **report}
    both["process"] = {**earlier.get("process", {}), **report.get("process", {})}
    if "latency" in earlier and "latency" in report:
        both["latency"] = latency([Turn(**turn) for one in (earlier, report) for turn in one["latency"]["turns"]])
    if "interruptions" in earlier and "interruptions" in report:
        each = [Interruption(**entry) for one in (earlier, report) for entry in one["interruptions"]["each"]]
        both["interruptions"] = interruptions(each)
    return both


def machine() -> dict[str, Any]:
    cpuinfo = Path("/proc/cpuinfo")
    name = processor_name(cpuinfo.read_text() if cpuinfo.is_file() else "", platform.machine())
    return {"processor": name, "cores": count_cores(), "system": platform.system(), "python": platform.python_version()}


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


def _short(turns: Sequence[Turn]) -> Report:
    return {**spread([turn.total_ms or 0.0 for turn in turns if turn.counts]), **counts(turns), "late": lateness(turns)}
