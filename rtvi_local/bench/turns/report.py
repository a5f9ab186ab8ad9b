"""What scenes showed, as figures and as a table: with Smart Turn and without, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rtvi_local.bench.report import aligned
from rtvi_local.bench.turns.kind import Figure, Kind
from rtvi_local.bench.turns.kinds import KINDS
from rtvi_local.bench.turns.runner import FAILED

HEADS = ("", "with Smart Turn", "without", "bound", "holds")
MARKS = {True: "yes", False: "NO", None: ""}


def figures_of(report: dict[str, Any], kind: Kind[Any], *, detector: bool) -> list[Figure]:
    """None if no scene of the kind was played that way."""
    played = [one for one in report["kinds"].get(kind.name, ()) if one["detector"] == detector]
    outcomes = [one for one in played if FAILED not in one]
    failed = Figure("scenes that failed", len(played) - len(outcomes), of=len(played), at_most=0)
    return [*(kind.figures(outcomes) if outcomes else ()), failed] if played else []


def with_figures(report: dict[str, Any]) -> dict[str, Any]:
    """The report with every figure in it, for `--json`."""
    found = {
        kind.name: {
            name: [{**asdict(figure), "holds": figure.holds} for figure in figures_of(report, kind, detector=detector)]
            for name, detector in (("with", True), ("without", False))
        }
        for kind in KINDS.values()
        if kind.name in report["kinds"]
    }
    return {**report, "figures": found}


def groups(report: dict[str, Any]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The kinds that were played, each with its rows under HEADS."""
    return [(kind.name, _rows(report, kind)) for kind in KINDS.values() if kind.name in report["kinds"]]


def _rows(report: dict[str, Any], kind: Kind[Any]) -> list[tuple[str, ...]]:
    sides = [{figure.name: figure for figure in figures_of(report, kind, detector=detector)} for detector in (True, False)]
    rows = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        each = [side.get(name) for side in sides]
        bounded = each[0] or each[1]
        assert bounded is not None
        # The bounds are promised of the appliance as it comes, with Smart Turn; what it does without is for comparison.
        rows.append((name, *map(_shown, each), bound(bounded), MARKS[each[0].holds if each[0] else None]))
    return rows


def table(report: dict[str, Any]) -> str:
    return aligned(HEADS, *[[(name.upper(),), *rows] for name, rows in groups(report)])


def broken(report: dict[str, Any]) -> Sequence[Figure]:
    """Figures of the appliance as it comes that don't hold."""
    return [figure for kind in KINDS.values() for figure in figures_of(report, kind, detector=True) if figure.holds is False]


def _shown(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "–" if figure else ""
    return f"{figure.value:.0f} of {figure.of}" if figure.of is not None else f"{figure.value:.0f} {figure.unit}".strip()


def bound(figure: Figure) -> str:
    """Its bound, or bounds, as they are shown."""
    bounds = [("≤", figure.at_most), ("≥", figure.at_least)]
    return " ".join(f"{sign} {_number(limit)} {figure.unit}".strip() for sign, limit in bounds if limit is not None)


def _number(limit: float) -> str:
    return f"{limit:.1f}".removesuffix(".0")
