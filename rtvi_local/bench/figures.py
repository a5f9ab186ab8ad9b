"""docs/figures.md: what `make first-run`, `make bench` and their like found last, from the files that they wrote."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rtvi_local.bench import bounds, wake_figures
from rtvi_local.bench.cli import QUESTIONS
from rtvi_local.bench.latency import Turn
from rtvi_local.bench.peer.comparison import FIRST_SOUND
from rtvi_local.bench.plot import plot
from rtvi_local.bench.report import WATERFALL, stopped_of, whole
from rtvi_local.bench.turns.report import HEADS, MARKS, groups
from rtvi_local.bench.wer_table import MOST_WORSE_PERCENT, WAYS, holds

Found = dict[str, Any]
MOST_OF_PEER = 0.28
"""Our median time to the first sound over the peer's: at most this."""
HOW_CANCELLED = {
    "the model writes": "llama.cpp's abort callback ends the batch at work",
    "the model reads": "the same, within a batch",
    "the voice is made": "onnxruntime is told to terminate the run, between two operations of the graph",
    "words are transcribed": "after the step at work: to encode, to decode",
}
"""By what is cancelled, as bench/cancelling.py names it."""


def figures_page(folder: Path) -> str:
    """The page for the files in `folder`; a part whose file is missing says which command measures it."""
    parts = [
        ("first_run.json", "make first-run", _first_run),
        ("latency.json", "make bench", _latency),
        (
            "gpu.json",
            "rtvi-local bench --device cuda --preset quality --questions 8 --warm-up 1 --save docs/gpu.json",
            _waterfall,
        ),
        ("turns.json", "make bench-turns", _turns),
        ("peer.json", "make bench-peer", _peer),
        ("peer-tiny.json", 'make bench-peer ARGS="--preset tiny --save docs/peer-tiny.json"', _peer),
        ("wer.json", "make bench-wer", _wer),
        ("wake.json", "make bench-wake", _wake),
        ("heard.json", "make bench-heard", _heard),
    ]
    lines = [
        "# Figures",
        "",
        "Written by `make docs` from what the commands below found; see [latency.md](latency.md), [turns.md](turns.md).",
        "",
    ]
    for name, command, show in parts:
        file = folder / name
        lines += [f"## `{command}`", ""]
        lines += [*show(json.loads(file.read_text(encoding="utf-8"))), ""] if file.is_file() else ["Not measured yet.", ""]
    return "\n".join(lines[:-1]) + "\n"


def latency_picture(folder: Path) -> str:
    """docs/latency.svg, of the same turns as the figures beside it."""
    report: Found = json.loads((folder / "latency.json").read_text(encoding="utf-8"))
    return plot([Turn(**turn) for turn in report["latency"]["turns"]], report["machine"])


def with_figures(readme: str, folder: Path) -> str:
    """The README with its figures as the files in `folder` have them."""
    return _filled(_filled(readme, "figures", _in_short(folder)), "needs", _needs(folder))


def with_cancelling(page: str, folder: Path) -> str:
    """docs/latency.md with what is wanted no more and how soon it ends, as the file in `folder` has it."""
    report: Found = json.loads((folder / "latency.json").read_text(encoding="utf-8"))
    rows = [
        (work, f"{free['median']:.0f} ms", f"{free['p95']:.0f} ms", HOW_CANCELLED[work])
        for work, free in report["cancelling"]["free after"].items()
    ]
    where = _where(report, report["cancelling"]["measured"])
    table = "\n".join(_table(("cancelled while", "cores free after, median", "p95", "how"), rows))
    return _filled(page, "cancelling", f"{where}\n\n{table}\n")


def _filled(page: str, name: str, text: str) -> str:
    before, begin, rest = page.partition(f"<!-- {name}, by make docs -->")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not end:
        raise ValueError(f"the page has no part with {name} in it")
    return f"{before}{begin}\n{text}\n{end}{after}"


def _needs(folder: Path) -> str:
    first: Found = json.loads((folder / "first_run.json").read_text(encoding="utf-8"))
    process: Found = json.loads((folder / "latency.json").read_text(encoding="utf-8"))["process"]
    venv, models, memory, peak = (
        f"{size / 1000:.1f} GB"
        for size in (first["venv_mb"], first["models_mb"], process["memory_mb"], process["peak_memory_mb"])
    )
    minutes, cores = f"{first['first_s'] / 60:.0f} minutes", f"{first['machine']['cores']} cores"
    points = [
        f"- Time: the first `make run` took {minutes} on {cores}, most of them to compile llama.cpp; the "
        f"{first['fetched_mb']} MB of models take what your line takes. The next one served after "
        f"{first['next_s']:.0f} seconds (`make first-run`, {first['measured']}).",
        f"- Disk: {venv} for the Python environment and {models} for the default models and what is made of them "
        "(`make first-run`, `rtvi-local models list`).",
        f"- Memory: {memory} with the default models and one conversation, {peak} at most while it answers "
        f"(`rtvi-local bench`, {process['measured']}), what is in use of the model files included.",
    ]
    return "\n".join(textwrap.fill(point, 128, subsequent_indent="  ", break_on_hyphens=False) for point in points)


def _in_short(folder: Path) -> str:
    report: Found = json.loads((folder / "latency.json").read_text(encoding="utf-8"))
    machine, total = report["machine"], report["latency"]["summary"]["total"]
    said = (
        f"On {machine['cores']} cores of {machine['processor']}, without a GPU, the default models took\n"
        f"**{total['median']:.0f} ms** in the median and {total['p90']:.0f} ms in nine of ten turns "
        f"({report['latency']['measured']})"
    )
    peer = folder / "peer.json"
    if not peer.is_file():
        return f"{said}."
    beside: Found = json.loads(peer.read_text(encoding="utf-8"))
    ours, theirs = (side["first sound"] for side in beside["medians"].values())
    against = f"{ours:.0f} ms against {theirs:.0f} ms ({beside['measured']})"
    return f"{said}. By turns with\nPipecat on the same models it was {against}."


def _first_run(report: Found) -> Iterable[str]:
    yield _where(report, report["measured"])
    yield ""
    rows = [
        ("first `make run`, until it answers", f"{report['first_s']} s"),
        ("the next one", f"{report['next_s']} s"),
        ("models, fetched", f"{report['fetched_mb']} MB"),
        ("models and what is made of them, on the disk", f"{report['models_mb']} MB"),
        ("Python environment, without the test tools", f"{report['venv_mb']} MB"),
    ]
    yield from _table(("", ""), rows)


def _latency(report: Found) -> Iterable[str]:
    yield from _waterfall(report)
    yield ""
    latency = report.get("latency", {})
    if counted := latency.get("counts"):
        into, none, gaps = (counted[what] for what in ("answered into a pause", "not answered", "with a gap over 40 ms"))
        yield f"Of {counted['turns']} turns, {into} were answered into a pause of the speaker, {none} not at all."
        yield f"{gaps} answers had a gap over 40 ms."
        yield ""
    yield from _table(bounds.HEADS, bounds.rows(report))


def _waterfall(report: Found) -> Iterable[str]:
    """Without bounds: they are for the default models on two cores."""
    yield _where(report, report.get("latency", {}).get("measured", ""))
    yield ""
    rows: list[Sequence[str]] = []
    latency = report.get("latency", {})
    summary = latency.get("summary", {})
    for name in ("total", *WATERFALL, "longest gap"):
        if name in summary:
            shown = "**voice to voice**" if name == "total" else name.replace("_", " ")
            rows.append((f"{shown}, ms", *_spread(summary[name]), str(latency["counts"]["counted"]) if name == "total" else ""))
    turns = [Turn(**turn) for turn in latency.get("turns", ())]
    askers = (("asked by people, in recordings, ms", False), ("asked by the default voice, ms", True))
    for who, is_own in askers if turns else ():
        some = whole([turn for turn in turns if (turn.name in QUESTIONS) == is_own])
        rows.append((who, *_spread(some), str(some["counted"])))
    for depth, one in latency.get("by depth", {}).items():
        rows.append((f"turn {depth} of a conversation, ms", *_spread(one), str(one.get("counted", ""))))
    for callers, one in report.get("conversations", {}).get("at once", {}).items():
        rows.append((f"{callers} talking at the same time, ms", *_spread(one), str(one["counted"])))
    if long := report.get("long"):
        rows.append((f"after {long['depth']} turns, ms", *_spread(long), str(long["counted"])))
    if stops := report.get("interruptions"):
        rows.append(("interruption to silence, ms", *_spread(stops), stopped_of(stops)))
    yield from _table(("", "median", "p90", "counted"), rows)


def _turns(report: Found) -> Iterable[str]:
    yield _where(report, report["measured"])
    for name, rows in groups(report):
        yield ""
        yield from _table((f"**{name}**", *HEADS[1:]), rows)


def _peer(report: Found) -> Iterable[str]:
    yield _where(report, report["measured"])
    yield ""
    sides = list(report["turns"])
    rows: list[Sequence[str]] = []
    for stage, ratio in report["ratios"].items():
        ours_and_theirs = (f"{report['medians'][side][stage]:.0f}" for side in sides)
        at_most = MOST_OF_PEER if stage == FIRST_SOUND else None
        held = ("", "") if at_most is None else (f"≤ {at_most:.2f}", MARKS[ratio <= at_most])
        rows.append((f"{stage}, ms", *ours_and_theirs, f"{ratio:.2f}", *held))
    stops = [report["interruption_ms"][side].get("median") for side in sides]
    if all(stops):
        rows.append(("interruption to silence, ms", *(f"{stop:.0f}" for stop in stops), f"{stops[0] / stops[1]:.2f}", "", ""))
    rows.append(("memory, MB", *(f"{report['memory_mb'][side]:.0f}" for side in sides), "", "", ""))
    for what, key in (("turns", None), ("answered into a pause", "into_pause")):
        counts = [sum(1 for turn in report["turns"][side] if key is None or turn[key]) for side in sides]
        rows.append((what, *map(str, counts), "", "", ""))
    yield from _table(("median", *sides, "ratio", "bound", "holds"), rows)


def _wer(report: Found) -> Iterable[str]:
    if "measured" in report:
        yield _where(report, report["measured"])
        yield ""
    yield f"{report['model']}, greedy. *30 s*: stock faster-whisper. *cut*: the window cut to the utterance. *grown*: as the"
    yield "appliance does it, which transcribes while the utterance grows and at its end only what is not settled. Word errors"
    yield "with their 95 % interval; times are medians of the last pass."
    yield ""
    rows = [
        (
            row["kind"],
            str(row["utterances"]),
            str(row["words"]),
            *(
                f"{row['wer_percent'][way]:.1f} % ({'-'.join(f'{edge:.1f}' for edge in row['wer_interval'][way])})"
                for way in WAYS
            ),
            "{:+.1f} ({:+.1f} to {:+.1f})".format(*row["grown_against_stock"]),
            f"≤ {MOST_WORSE_PERCENT:+.1f}",
            MARKS[holds(row["grown_against_stock"][0])],
            *(f"{row['median_ms'][way]:.0f}" for way in WAYS),
        )
        for row in report["rows"]
    ]
    heads = (
        "utterances",
        "words",
        "errors, 30 s",
        "errors, cut",
        "errors, grown",
        "grown - 30 s",
        "bound",
        "holds",
        "ms, 30 s",
        "ms, cut",
        "ms, grown",
    )
    yield from _table(("", *heads), rows)


def _wake(report: Found) -> Iterable[str]:
    yield _where(report, report["measured"])
    yield ""
    yield from _table(bounds.HEADS, bounds.rows_of(wake_figures.figures_of(report)))
    for note in wake_figures.notes(report):
        yield ""
        yield note


def _heard(report: Found) -> Iterable[str]:
    yield _where(report, report["measured"])
    yield ""
    trials = report["trials"]
    rows = []
    for title, clock in (("the voice's own clock", "by_voice"), ("Whisper's alignment", "by_whisper")):
        offs = [trial["remembered"] - trial[clock] for trial in trials]
        exact, within = (sum(abs(off) <= most for off in offs) for most in (0, 1))
        rows.append((title, str(len(offs)), str(exact), str(within), str(max(map(abs, offs), default=0))))
    heads = ("words remembered and heard, by", "interruptions", "the same", "within one", "most apart")
    yield from _table(heads, rows)


def _where(report: Found, measured: str) -> str:
    machine = report["machine"]
    return f"{machine['cores']} cores of {machine['processor']}, {machine['system']}, Python {machine['python']}, {measured}."


def _spread(figures: Found) -> tuple[str, str]:
    return (f"{figures['median']:.0f}", f"{figures['p90']:.0f}") if "median" in figures else ("", "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
