"""How late the voice was in the middle of an answer, as the appliance tells its client (`metrics`).

Packets of silence fill the time, so that neither their arrival nor what is in them tells it from a pause between two sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rtvi_local.bench.caller import Message
from rtvi_local.pipeline.speaker import LATE_BETWEEN_CLAUSES, LATE_IN_CLAUSE

if TYPE_CHECKING:
    from rtvi_local.bench.latency import Turn

IN_CLAUSE, BETWEEN_CLAUSES = "in a clause", "between clauses"
PLACES = {LATE_IN_CLAUSE: IN_CLAUSE, LATE_BETWEEN_CLAUSES: BETWEEN_CLAUSES}
HEARD_MS = 40.0
"""A hole in a clause that is longer is heard: as long as what a client's buffer of two frames would cover."""


def times(metrics: Message) -> Iterable[tuple[str, float]]:
    """What a message tells of what took how long: processor, milliseconds."""
    for metric in (metrics.data or {}).get("processing") or [] if metrics.type == "metrics" else []:
        yield str(metric["processor"]), float(metric["value"]) * 1000


def late_ms(messages: Iterable[Message]) -> dict[str, list[float]]:
    """Each time that the voice was late, by where."""
    late: dict[str, list[float]] = {place: [] for place in PLACES.values()}
    for message in messages:
        for processor, value_ms in times(message):
            if place := PLACES.get(processor):
                late[place].append(value_ms)
    return late


def lateness(turns: Sequence[Turn]) -> dict[str, Any]:
    """Of the answers that count: how many were looked at, and by where, how many of them had a hole that is heard, the longest
    hole, and the most that holes took of one answer. Empty where nothing was looked at."""
    answers = [turn.late_ms for turn in turns if turn.counts and turn.late_ms is not None]
    if not answers:
        return {}
    found: dict[str, Any] = {"answers": len(answers)}
    for place in PLACES.values():
        found[place] = {
            "heard": sum(max(holes[place], default=0.0) > HEARD_MS for holes in answers),
            "longest_ms": max((hole for holes in answers for hole in holes[place]), default=0.0),
            "most_ms": max(sum(holes[place]) for holes in answers),
        }
    return found
