"""A report's turns as a picture: the median turn part by part, and every turn below it, on one scale. SVG, light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from rtvi_local.bench.latency import Turn
from rtvi_local.bench.report import WATERFALL, percentile

WIDTH = 860
LEFT, RIGHT = 132, 64
TOP = 92
STEP_ROW, STEP_BAR = 25, 15
TURN_ROW, TURN_BAR = 11, 7
AXIS = 30
LONGEST_OVER_MEDIAN = 2.0
"""A bar that is longer is cut off and says so: one slow turn shall not squeeze all others."""

KINDS = {
    "capture": "wait-1",
    "end_heard": "wait-2",
    "network": "wait-3",
    "jitter_buffer": "wait-1",
    "vad": "wait-3",
    "silence": "wait-2",
    "turn_decision": "wait-3",
    "stt_wait": "wait-1",
    "stt_encode": "hear-1",
    "stt_decode": "hear-2",
    "prefill": "think-1",
    "first_token": "think-3",
    "first_clause": "think-2",
    "tts_wait": "wait-1",
    "tts_phonemes": "speak-3",
    "tts_encode": "speak-1",
    "tts_decode": "speak-2",
    "queue": "wait-2",
    "packet": "speak-3",
    "soft_start": "wait-3",
}
"""Which part has which colour: grey waits, blue hears, violet thinks, green speaks."""
UNKNOWN, UNKNOWN_KIND = "parts unknown", "line"
"""A turn that was not traced is one bar."""
STYLE = """
svg{--page:#fff;--ink:#1c2128;--soft:#5b6570;--line:#d8dde3;--mark:#c2410c;
--wait-1:#a9b1bb;--wait-2:#c3c9d0;--wait-3:#8d96a1;--hear-1:#2f6fd0;--hear-2:#7aa7ea;
--think-1:#7b4fc9;--think-2:#ae8be6;--think-3:#d0bdf2;--speak-1:#168a72;--speak-2:#5cbda8;--speak-3:#a3dccf;
font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media(prefers-color-scheme:dark){svg{--page:#14181d;--ink:#e8ecf0;--soft:#9aa5b1;--line:#303842;--mark:#fb923c;
--wait-1:#5f6975;--wait-2:#48515b;--wait-3:#7d8793;--hear-1:#5b96f0;--hear-2:#36609f;
--think-1:#a480ee;--think-2:#7350b8;--think-3:#4d3a77;--speak-1:#3fbfa2;--speak-2:#227f6b;--speak-3:#1b5648}}
.page{fill:var(--page)}text{fill:var(--ink);font-size:12.5px}.title{font-size:17px;font-weight:650}
.soft,.tick{fill:var(--soft)}.tick{font-size:11px}.grid{stroke:var(--line);stroke-width:1}
.mark{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:4 3}.said{fill:var(--mark);font-size:11px;font-weight:600}
.end{text-anchor:end}.mid{text-anchor:middle}.n{font-variant-numeric:tabular-nums}
"""


def plot(turns: Sequence[Turn], machine: dict[str, Any]) -> str:
    """The picture of the turns that count. Raises ValueError if none does."""
    counted = [turn for turn in turns if turn.counts]
    if not counted:
        raise ValueError("no turn was answered, so there is nothing to draw")
    totals = [_total(turn) for turn in counted]
    median, p90 = percentile(totals, 0.5), percentile(totals, 0.9)
    typical = min(counted, key=lambda turn: (not turn.parts, abs(_total(turn) - median)))
    step, most = _scale(min(max(totals), max(LONGEST_OVER_MEDIAN * median, p90)))
    scale = (WIDTH - LEFT - RIGHT) / most
    steps = [name for name in WATERFALL if typical.parts.get(name, 0.0) >= 0.5]
    turns_top = TOP + len(steps) * STEP_ROW + 46
    bottom = turns_top + len(counted) * TURN_ROW + 6
    height = bottom + AXIS + 14

    def x(ms: float) -> float:
        return LEFT + min(max(ms, 0.0), most) * scale

    about = f"{len(counted)} turns, {machine.get('cores', '?')} cores of {machine.get('processor', 'this machine')}"
    body = [
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="10"/>',
        _text(24, 34, "From the person’s last sound to the first sound of the answer", "title"),
        _text(24, 56, f"median {median:.0f} ms, 9 of 10 within {p90:.0f} ms, at the client over WebRTC", ""),
        _text(24, 76, about, "soft"),
        *_grid(x, step, most, TOP - 2, bottom),
        *_steps(x, typical, steps),
        _text(24, turns_top - 12, "every turn", "soft"),
        *(piece for row, turn in enumerate(counted) for piece in _turn(x, turns_top + row * TURN_ROW, turn, most)),
        *_marks(x, (("median", median), ("p90", p90)), turns_top - 6, bottom),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="Voice-to-voice latency: median {median:.0f} ms, p90 {p90:.0f} ms">\n<style>{STYLE}</style>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _total(turn: Turn) -> float:
    return turn.total_ms or 0.0


def _scale(longest_ms: float) -> tuple[float, float]:
    """Distance of the grid's lines and the axis' end: five to ten lines at 1, 2 or 5 times a power of ten."""
    rough = longest_ms / 6
    power = 10 ** math.floor(math.log10(max(rough, 1.0)))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return step, math.ceil(longest_ms / step) * step


def _grid(x: Any, step: float, most: float, top: float, bottom: float) -> Iterable[str]:
    for number in range(round(most / step) + 1):
        at = x(number * step)
        yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}"/>'
        unit = " ms" if number == round(most / step) else ""
        yield _text(at, bottom + 18, f"{number * step:.0f}{unit}", "tick mid n")


def _steps(x: Any, turn: Turn, steps: Sequence[str]) -> Iterable[str]:
    for row, name in enumerate(steps):
        reached = sum(turn.parts.get(before, 0.0) for before in WATERFALL[: WATERFALL.index(name)])
        lasts_ms = turn.parts[name]
        y = TOP + 4 + row * STEP_ROW
        start, end = x(reached), x(reached + lasts_ms)
        yield _text(LEFT - 12, y + 12, name.replace("_", " "), "end")
        yield _bar(start, y, max(end - start, 2.0), STEP_BAR, name)
        yield _text(end + 7, y + 12, f"{lasts_ms:.0f}", "soft n")


def _turn(x: Any, y: float, turn: Turn, most: float) -> Iterable[str]:
    reached = 0.0
    parts = turn.parts or {UNKNOWN: _total(turn)}
    for name in (*WATERFALL, UNKNOWN):
        # An end that was heard sooner than it was takes its time off what follows.
        lasts_ms = parts.get(name, 0.0)
        start, end = x(reached), x(reached + lasts_ms)
        if end - start >= 0.3:
            yield _bar(start, y, end - start, TURN_BAR, name)
        reached += lasts_ms
    if _total(turn) > most:
        yield _text(x(most) + 5, y + TURN_BAR, f"{_total(turn):.0f} →", "tick n")


def _marks(x: Any, marks: Sequence[tuple[str, float]], top: float, bottom: float) -> Iterable[str]:
    beside = x(marks[-1][1]) - x(marks[0][1]) < 90
    for number, (name, at_ms) in enumerate(marks):
        at = x(at_ms)
        yield f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}"/>'
        left = beside and number == 0
        yield _text(at - 5 if left else at + 5, top - 1, f"{name} {at_ms:.0f}", "said n" + (" end" if left else ""))


def _bar(x: float, y: float, width: float, height: float, part: str) -> str:
    kind = KINDS.get(part, UNKNOWN_KIND)
    rounded = min(height / 6, width / 2)
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="{rounded:.1f}" style="fill:var(--{kind})">'
        f"<title>{escape(part.replace('_', ' '))}</title></rect>"
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
