"""What was measured, as figures and as tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from rtvi_local.bench.interruption import ENDED, WENT_ON
from rtvi_local.bench.latency import CAPTURE, END_HEARD, NETWORK, SOFT_START, Turn
from rtvi_local.pipeline.trace import PARTS, STEPS

WATERFALL = (CAPTURE, END_HEARD, NETWORK, *PARTS, SOFT_START)
GROUPS = {
    "way in": (CAPTURE, END_HEARD, NETWORK, "jitter_buffer"),
    "hearing": ("vad", "silence"),
    **dict(list(STEPS.items())[1:]),
    "soft start": (SOFT_START,),
}
"""The columns of the table; each is the sum of these parts."""
GAP_BUDGET_MS = 40.0
"""Between two packets of a sentence; what a client's buffer of two frames still covers."""

Figures = dict[str, dict[str, float]]


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation between the closest ranks; of one value, that value."""
    if len(values) == 1:
        return values[0]
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[round(share * 100) - 1]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and p90; empty of no values."""
    return {"median": percentile(values, 0.5), "p90": percentile(values, 0.9)} if values else {}


def summary(turns: Sequence[Turn]) -> Figures:
    """Median and p90 of the whole and of each part, in milliseconds, over the turns that count."""
    counted = [turn for turn in turns if turn.counts]
    if not counted:
        return {}
    columns = {"total": [turn.total_ms or 0.0 for turn in counted]}
    traced = [turn for turn in counted if turn.parts]
    columns |= {name: [turn.parts.get(name, 0.0) for turn in traced] for name in WATERFALL if traced}
    columns["longest gap"] = [turn.longest_gap_ms for turn in counted]
    return {name: spread(values) for name, values in columns.items()}


def by_depth(turns: Sequence[Turn]) -> dict[int, dict[str, float]]:
    """The whole at the first and at the deepest turn of the conversations, and of how many: depth (from 1) -> figures.

    Of the same questions, each as often at the one as at the other: a long question takes longer at any depth."""
    depths = sorted({turn.depth for turn in turns})
    asked: dict[str, tuple[list[Turn], list[Turn]]] = {}
    for turn in turns:
        if turn.counts and turn.depth in (depths[0], depths[-1]):
            asked.setdefault(turn.name, ([], []))[turn.depth != depths[0]].append(turn)
    pairs = [pair for first, deepest in asked.values() for pair in zip(first, deepest, strict=False)]
    if not pairs:
        return {}
    first, deepest = zip(*pairs, strict=True)
    return {depths[0] + 1: whole(first), depths[-1] + 1: whole(deepest)}


def whole(turns: Sequence[Turn]) -> dict[str, float]:
    """Median and p90 of the whole over the turns that count, and how many those are."""
    values = [turn.total_ms or 0.0 for turn in turns if turn.counts]
    return {**spread(values), "counted": len(values)}


def on_the_wire(turns: Sequence[Turn]) -> dict[str, float]:
    """Of how many turns the way back was measured on its own (not as what is left over), and how far a packet's leaving and its
    coming were apart, whichever was first. Empty of none."""
    apart = [abs(turn.parts[NETWORK]) for turn in turns if turn.counts and END_HEARD in turn.parts]
    return {"median_ms": percentile(apart, 0.5), "longest_ms": max(apart), "turns": len(apart)} if apart else {}


def counts(turns: Sequence[Turn]) -> dict[str, int]:
    """How many turns there were, and how many of them are in no figure, and why."""
    return {
        "turns": len(turns),
        "counted": sum(turn.counts for turn in turns),
        "answered into a pause": sum(turn.into_pause for turn in turns),
        "not answered": sum(turn.total_ms is None for turn in turns),
        "without parts": sum(turn.counts and not turn.parts for turn in turns),
        "with a gap over 40 ms": sum(turn.longest_gap_ms > GAP_BUDGET_MS for turn in turns if turn.counts),
    }


def table(turns: Sequence[Turn]) -> str:
    """A row a turn, then median and p90, then the same part by part. Milliseconds."""
    heads = ["turn", "#", "total", *(name.replace("_", " ") for name in GROUPS), "longest gap"]
    rows = [_row(turn) for turn in turns]
    figures = summary(turns)
    if not figures:
        return aligned(heads, rows)
    counted = [turn for turn in turns if turn.counts]
    grouped = {"total": figures["total"], **_grouped(counted), "longest gap": figures["longest gap"]}
    below = [
        [what, "", *(f"{spreads[what]:.0f}" if spreads else "" for spreads in grouped.values())] for what in ("median", "p90")
    ]
    for depth, spreads in by_depth(turns).items():
        below.append([f"median of turn {depth}", str(depth), f"{spreads['median']:.0f}" if "median" in spreads else ""])
    return aligned(heads, rows, below) + "\n\n" + waterfall(figures)


def waterfall(figures: Figures) -> str:
    """Median and p90 of each part, in the order of time."""
    shown = [name for name in (*WATERFALL, "total") if name in figures]
    return aligned(
        ["part", "median", "p90"],
        [[name.replace("_", " "), *(f"{figures[name][what]:.0f}" for what in ("median", "p90"))] for name in shown],
    )


def _grouped(counted: Sequence[Turn]) -> Figures:
    traced = [turn for turn in counted if turn.parts]
    return {group: spread([_group(turn, group) for turn in traced]) for group in GROUPS}


def _group(turn: Turn, group: str) -> float:
    return sum(turn.parts.get(name, 0.0) for name in GROUPS[group])


def aligned(heads: Sequence[str], *groups: Sequence[Sequence[str]]) -> str:
    """Columns under their heads, the first to the left and the others to the right, a rule before each group of rows."""
    rows = [list(row) + [""] * (len(heads) - len(row)) for group in groups for row in group]
    widths = [max(len(line[i]) for line in [list(heads), *rows]) for i in range(len(heads))]
    rule = _line(["-" * width for width in widths], widths)
    lines = [_line(heads, widths)]
    done = 0
    for group in groups:
        lines += [rule] if group else []
        lines += [_line(row, widths) for row in rows[done : done + len(group)]]
        done += len(group)
    return "\n".join(lines)


def rest(report: dict[str, Any]) -> str:
    """Everything in a report but its turns and what has a bound (bounds.py), a line a figure."""
    lines: list[str] = []
    latency = report.get("latency")
    if latency:
        lines.append(", ".join(f"{count} {what}" for what, count in latency["counts"].items() if count or what == "counted"))
    interruptions = report.get("interruptions")
    if interruptions:
        lines.append(f"interruption: silent {_ms(interruptions)} after the person's first sound ({stopped_of(interruptions)})")
    for callers, figures in report.get("conversations", {}).get("at once", {}).items():
        lines.append(f"{callers} talking at the same time: {_ms(figures)} ({figures['counted']} counted)")
    long = report.get("long")
    if long:
        lines.append(f"after {long['depth']} turns: {_ms(long)} ({long['counted']} counted)")
    return "\n".join(lines)


def stopped_of(interruptions: dict[str, Any]) -> str:
    """How many interruptions the median is of, and what became of the others."""
    others = [f"{count} {what}" for what in (ENDED, WENT_ON) if (count := interruptions.get(what))]
    return "; ".join([f"{interruptions['counted']} of {interruptions.get('tried', len(interruptions['each']))}", *others])


def _ms(figures: dict[str, Any]) -> str:
    if "median" not in figures:
        return "no figure"
    return f"median {figures['median']:.0f} ms, p90 {figures['p90']:.0f} ms"


def _row(turn: Turn) -> list[str]:
    total = "no answer" if turn.total_ms is None else "into a pause" if turn.into_pause else f"{turn.total_ms:.0f}"
    parts = [f"{_group(turn, group):.0f}" if turn.parts else "" for group in GROUPS]
    return [turn.name[:44], str(turn.depth + 1), total, *parts, f"{turn.longest_gap_ms:.0f}"]


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = (
        cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()
