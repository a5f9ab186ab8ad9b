"""What `rtvi-local bench` found, each figure with the bound that it is to keep (of the default models, on two cores)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtvi_local.bench.interruption import PACKET_MS, WENT_ON
from rtvi_local.bench.late import BETWEEN_CLAUSES, HEARD_MS, IN_CLAUSE
from rtvi_local.bench.latency import SAME_MS
from rtvi_local.bench.report import GAP_BUDGET_MS, aligned
from rtvi_local.bench.turns.kind import Figure
from rtvi_local.bench.turns.report import MARKS, bound

HEADS = ("", "measured", "bound", "holds")
IDLE_PERCENT = {"1": 3.0, "8": 25.0}
"""Of one core, by the number of connections."""
CANCEL_MS = 30.0
_MOST_DECIMALS = 4


def figures_of(report: dict[str, Any]) -> list[Figure]:
    """What of it was measured."""
    latency, process = report.get("latency", {}), report.get("process", {})
    total, counts = latency.get("summary", {}).get("total", {}), latency.get("counts", {})
    interruptions, wire = report.get("interruptions", {}), latency.get("on the wire", {})
    figures = [
        Figure("voice to voice, median", total.get("median"), "ms", at_most=600),
        Figure("voice to voice, p90", total.get("p90"), "ms", at_most=1000),
        Figure(
            f"answers with a gap over {GAP_BUDGET_MS:.0f} ms",
            counts.get("with a gap over 40 ms"),
            of=counts.get("counted"),
            at_most=0,
        ),
        *_late(latency.get("late")),
        Figure("answers whose parts are unknown", counts.get("without parts"), of=counts.get("counted"), at_most=0),
        Figure("first packet, left to came, median", wire.get("median_ms"), "ms", at_most=SAME_MS),
        Figure("first packet, left to came, longest", wire.get("longest_ms"), "ms", at_most=PACKET_MS),
        Figure("interruption to silence, median", interruptions.get("median"), "ms", at_most=250),
        Figure("interrupted, and went on", interruptions.get(WENT_ON), of=interruptions.get("tried"), at_most=0),
        Figure("ready after", process.get("ready_s"), "s", at_most=4),
        Figure("memory with one conversation", process.get("memory_mb"), "MB", at_most=900),
        Figure("at most, during the turns", process.get("peak_memory_mb"), "MB"),
        Figure("event loop's stall, p99", process.get("loop_stall_p99_ms"), "ms", at_most=10),
        Figure("the same while an answer is made", process.get("answering_stall_p99_ms"), "ms", at_most=10),
    ]
    for callers, one in report.get("conversations", {}).get("at once", {}).items():
        figures += _late(one.get("late"), f", {callers} talking")
    for connections, percent in report.get("idle", {}).get("percent", {}).items():
        name = f"idle, {connections} connected"
        figures.append(Figure(name, percent, "% of one core", at_most=IDLE_PERCENT.get(connections)))
    for work, free in report.get("cancelling", {}).get("free after", {}).items():
        figures += [
            Figure(f"cancelled while {work}: cores free, {which}", free[which], "ms", at_most=CANCEL_MS)
            for which in ("median", "p95")
        ]
    return [figure for figure in figures if figure.value is not None]


def _late(late: dict[str, Any] | None, who: str = "") -> list[Figure]:
    """In a clause it is the voice that was late, between clauses it may have been the model. A bound for one conversation only:
    what a machine bears of them is its own affair."""
    if not late:
        return []
    torn = f"answers with over {HEARD_MS:.0f} ms missing in a clause{who}"
    figures = [Figure(torn, late[IN_CLAUSE]["heard"], of=late["answers"], at_most=None if who else 0)]
    for place in (IN_CLAUSE, BETWEEN_CLAUSES):
        figures += [
            Figure(f"voice late {place}{who}, longest", late[place]["longest_ms"], "ms"),
            Figure(f"voice late {place}{who}, most of one answer", late[place]["most_ms"], "ms"),
        ]
    return figures


def rows(report: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """A row a figure, under HEADS."""
    return rows_of(figures_of(report))


def rows_of(figures: Sequence[Figure]) -> list[tuple[str, str, str, str]]:
    return [(figure.name, shown(figure), bound(figure), MARKS[figure.holds]) for figure in figures]


def table(report: dict[str, Any]) -> str:
    """Empty if nothing was measured."""
    found = rows(report)
    return aligned(HEADS, found) if found else ""


def shown(figure: Figure) -> str:
    """With as many decimals as tell it from its bound: what is just below 5 % is not shown as 5.0 %."""
    if figure.value is None:
        return "–"
    if figure.of is not None:
        return f"{figure.value:.0f} of {figure.of}"
    if isinstance(figure.value, int):
        return f"{figure.value} {figure.unit}".strip()
    limits = (figure.at_most, figure.at_least)
    decimals = next((n for n in range(1, _MOST_DECIMALS) if round(figure.value, n) not in limits), _MOST_DECIMALS)
    return f"{figure.value:.{1 if figure.value in limits else decimals}f} {figure.unit}"
