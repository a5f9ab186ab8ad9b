"""How long the bot goes on when a person speaks over it: from their first sound to silence at the client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtvi_local.bench.caller import Arrival, Caller
from rtvi_local.bench.latency import ANSWER_S, PAUSE_MS, Utterance

SPEAKS_FIRST_S = 0.8
"""How much of the answer is heard before somebody speaks over it."""
SILENCE_MS = 400.0
"""A pause between two words is shorter."""
PACKET_MS = 20.0


@dataclass(frozen=True, slots=True)
class Interruption:
    name: str
    silent_after_ms: float | None
    """None if the bot said all it had to say, or nothing at all: then nothing was interrupted."""


async def interrupt(caller: Caller, question: Utterance, objection: Utterance) -> Interruption:
    """Ask, let the bot begin, speak over it, and hear when it stops."""
    await caller.quiet_for(PAUSE_MS)
    asked = caller.say(question.samples, question.speech)
    await asked.done.wait()
    if await caller.sound_after(asked.last_sound_ms, ANSWER_S) is None:
        return Interruption(objection.name, None)
    await asyncio.sleep(SPEAKS_FIRST_S)
    said = caller.say(objection.samples, objection.speech)
    await said.done.wait()
    await asyncio.sleep(SILENCE_MS / 1000)
    silent_ms = silent_from(caller.arrivals, said.first_sound_ms, caller.now_ms())
    return Interruption(objection.name, None if silent_ms is None else silent_ms - said.first_sound_ms)


def silent_from(arrivals: Sequence[Arrival], from_ms: float, until_ms: float) -> float | None:
    """The end of the last sound before the first silence of SILENCE_MS; None if none sounded at `from_ms`, or it never fell
    silent."""
    audible = [a.at_ms for a in arrivals if from_ms - SILENCE_MS <= a.at_ms <= until_ms and a.audible]
    for at_ms, next_ms in pairwise([*audible, until_ms]):
        if next_ms - at_ms >= SILENCE_MS:
            return at_ms + PACKET_MS if at_ms + PACKET_MS > from_ms else None
    return None
