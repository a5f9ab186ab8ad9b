"""How long the bot goes on when a person speaks over it: from their first sound to silence at the client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtvi_local.bench.caller import Arrival, Caller, Message
from rtvi_local.bench.latency import ANSWER_S, PAUSE_MS, Utterance

SPEAKS_FIRST_S = 0.8
"""How much of the answer is heard before somebody speaks over it."""
SILENCE_MS = 400.0
"""A pause between two words is shorter."""
PACKET_MS = 20.0
SOONEST_MS = 64.0
"""Two windows of the voice activity detector: what falls silent sooner does so by itself."""
NOTICED_MS = 250.0
"""Whoever is still speaking then has not noticed that somebody speaks over them."""
DECIDED_S = 2.0
"""After the person's last sound, until it is known whether they took the floor."""

STOPPED, ENDED, WENT_ON = "stopped", "had no more to say", "went on"


@dataclass(frozen=True, slots=True)
class Interruption:
    name: str
    silent_after_ms: float | None
    """None but where it was stopped."""
    outcome: str | None = None
    """STOPPED, ENDED (it had no more to say, or said nothing at all: nothing was interrupted) or WENT_ON. None in reports from
    before this was told."""


async def interrupt(caller: Caller, question: Utterance, objection: Utterance) -> Interruption:
    """Ask, let the bot begin, speak over it, and hear when it stops."""
    await caller.quiet_for(PAUSE_MS)
    asked = caller.say(question.samples, question.speech)
    await asked.done.wait()
    if await caller.sound_after(asked.last_sound_ms, ANSWER_S) is None:
        return Interruption(objection.name, None, ENDED)
    await asyncio.sleep(SPEAKS_FIRST_S)
    since = len(caller.messages)
    said = caller.say(objection.samples, objection.speech)
    await said.done.wait()
    await asyncio.sleep(SILENCE_MS / 1000)
    with contextlib.suppress(TimeoutError):
        await caller.wait_for("bot-interrupted", since=since, timeout_s=DECIDED_S)
    return Interruption(
        objection.name, *outcome(caller.arrivals, caller.messages[since:], said.first_sound_ms, caller.now_ms())
    )


def outcome(
    arrivals: Sequence[Arrival], messages: Sequence[Message], from_ms: float, until_ms: float
) -> tuple[float | None, str]:
    """After how long it was silent, and why. Whether it was interrupted, the appliance says in its messages since `from_ms`."""
    begun_ms = [message.at_ms for message in messages if message.type == "bot-started-speaking"]
    if begun_ms:
        # The next answer. That it is about to come may be told a little later than it comes.
        until_ms = min(until_ms, begun_ms[0] - 2 * PACKET_MS)
    silent_ms = silent_from(arrivals, from_ms, until_ms)
    if silent_ms is None:
        return None, WENT_ON
    if any(message.type == "bot-interrupted" for message in messages):
        after_ms = silent_ms - from_ms
        return (after_ms, STOPPED) if after_ms >= SOONEST_MS else (None, ENDED)
    sounded_ms = max((a.at_ms + PACKET_MS for a in arrivals if a.at_ms <= until_ms and a.audible), default=from_ms)
    return None, WENT_ON if sounded_ms > from_ms + NOTICED_MS else ENDED


def silent_from(arrivals: Sequence[Arrival], from_ms: float, until_ms: float) -> float | None:
    """The end of the last sound before the first silence of SILENCE_MS, which may have begun before `from_ms`; None if it never
    fell silent."""
    audible = [a.at_ms for a in arrivals if from_ms - SILENCE_MS <= a.at_ms <= until_ms and a.audible]
    if not audible:
        return from_ms - SILENCE_MS
    for at_ms, next_ms in pairwise([*audible, until_ms]):
        if next_ms - at_ms >= SILENCE_MS:
            return at_ms + PACKET_MS
    return None
