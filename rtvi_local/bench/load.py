"""What a machine bears: several people who talk at the same time, a long conversation, and connections that say nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import httpx
from prometheus_client.parser import text_string_to_metric_families

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.latency import PAUSE_MS, Turn, Utterance, ask, converse
from rtvi_local.bench.server_process import ServerProcess

TYPED = "Tell me one short fact about the number {}."
ANSWERING = "rtvi_loop_stall_answering_seconds"
"""The stalls while an answer was being made."""
SETTLE_S = 3.0
"""After connecting, before the idle processor time is measured."""


async def at_the_same_time(
    url: str, callers: int, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None]
) -> list[Turn]:
    """Each caller says every utterance in an order of its own; all begin each turn together."""
    turns: list[Turn] = []
    async with AsyncExitStack() as stack:
        connected = [await stack.enter_async_context(Caller(url)) for _ in range(callers)]
        for number in range(len(utterances)):
            await asyncio.gather(*(caller.quiet_for(PAUSE_MS) for caller in connected))
            said = [utterances[(number + offset) % len(utterances)] for offset in range(callers)]
            for turn in await asyncio.gather(
                *(ask(caller, what, number) for caller, what in zip(connected, said, strict=True))
            ):
                turns.append(turn)
                on_turn(turn)
    return turns


async def after_a_long_conversation(
    url: str, depth: int, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None]
) -> list[Turn]:
    """`depth` turns in writing (the context grows as by speech, in a tenth of the time), then the utterances."""
    async with Caller(url) as caller:
        for number in range(depth):
            since = len(caller.messages)
            options = {"run_immediately": True, "audio_response": False}
            caller.send("send-text", {"content": TYPED.format(number + 1), "options": options})
            await caller.wait_for("bot-llm-stopped", since=since, timeout_s=60)
        return await converse(caller, utterances, on_turn, depth=depth)


async def idle_percent(server: ServerProcess, connections: int, seconds: float = 10.0) -> float:
    """Of one core, while so many clients are connected and send the sound of a quiet room."""
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            await stack.enter_async_context(Caller(server.url))
        await asyncio.sleep(SETTLE_S)
        before_s, began = server.cpu_s(), asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        return 100 * (server.cpu_s() - before_s) / (asyncio.get_running_loop().time() - began)


def loop_stalls(url: str, histogram: str = "rtvi_loop_stall_seconds") -> dict[float, float]:
    """The appliance's own count of how late its event loop ran a timer: seconds -> how many were at most so late."""
    text = httpx.get(f"{url}/metrics", timeout=10).text
    counts: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == histogram else ():
            if sample.name.endswith("_bucket"):
                counts[float(sample.labels["le"])] = sample.value
    return counts


def stall_ms(before: dict[float, float], after: dict[float, float], share: float = 0.99) -> float | None:
    """The stall that so many timers did not exceed between two looks, linearly within a bucket; None if there were none."""
    counts = {edge: after[edge] - before.get(edge, 0.0) for edge in sorted(after)}
    wanted = share * max(counts.values(), default=0.0)
    reached, low = 0.0, 0.0
    for edge, count in counts.items():
        if count >= wanted > 0:
            # Beyond the last edge nothing is known but that it was longer.
            return 1000 * (low if edge == float("inf") else low + (edge - low) * (wanted - reached) / (count - reached))
        reached, low = count, edge
    return None


def processor_name(cpuinfo: str, machine: str) -> str:
    """As the kernel names it in /proc/cpuinfo, else the architecture."""
    named = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return named[1].strip() if named else machine
