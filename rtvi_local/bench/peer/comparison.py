"""What both sides took, stage by stage, and the ratio. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rtvi_local.bench.latency import CAPTURE, END_HEARD, NETWORK, Turn
from rtvi_local.bench.report import aligned, counts, percentile
from rtvi_local.pipeline.trace import PARTS

FIRST_SOUND = "first sound"
STAGES = ("vad stop", "final transcript", "first model text", "bot started", FIRST_SOUND)
REACHED_WITH = {"silence": "vad stop", "stt_decode": "final transcript", "first_token": "first model text"}
"""The appliance tells its client of these only once the turn is certain; its trace knows when it was so far. `network` is
counted before them, also what of it is spent after."""


def stages(turn: Turn) -> dict[str, float]:
    """When each stage was reached, in milliseconds from the last sound of the question."""
    reached = dict(turn.marks)
    at_ms = 0.0
    for part in (CAPTURE, END_HEARD, NETWORK, *PARTS):
        at_ms += turn.parts.get(part, 0.0)
        if part in REACHED_WITH and part in turn.parts:
            reached[REACHED_WITH[part]] = at_ms
    if turn.total_ms is not None:
        reached[FIRST_SOUND] = turn.total_ms
    return reached


def medians(turns: Sequence[Turn]) -> dict[str, float]:
    """The median of every stage over the turns that count, and the p90 of the first sound."""
    reached = [stages(turn) for turn in turns if turn.counts]
    found = {stage: [each[stage] for each in reached if stage in each] for stage in STAGES}
    figures = {stage: percentile(values, 0.5) for stage, values in found.items() if values}
    if found[FIRST_SOUND]:
        figures[f"{FIRST_SOUND}, p90"] = percentile(found[FIRST_SOUND], 0.9)
    return figures


def ratios(ours: Sequence[Turn], peers: Sequence[Turn]) -> dict[str, float]:
    """Ours over the peer's, for every figure that both have."""
    mine, theirs = medians(ours), medians(peers)
    return {stage: mine[stage] / theirs[stage] for stage in mine if theirs.get(stage, 0.0) > 0}


def comparison(ours: Sequence[Turn], peers: Sequence[Turn]) -> str:
    """A table: medians in milliseconds, side by side."""
    mine, theirs, ratio = medians(ours), medians(peers), ratios(ours, peers)
    rows = [
        [
            stage,
            f"{mine[stage]:.0f}" if stage in mine else "",
            f"{theirs[stage]:.0f}" if stage in theirs else "",
            f"{ratio[stage]:.2f}" if stage in ratio else "",
        ]
        for stage in (*STAGES, f"{FIRST_SOUND}, p90")
    ]
    both = counts(ours), counts(peers)
    told = [[what, str(both[0][what]), str(both[1][what]), ""] for what in both[0]]
    return aligned(["median, ms", "rtvi-local", "pipecat", "ratio"], rows, told)
