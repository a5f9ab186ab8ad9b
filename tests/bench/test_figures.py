"""docs/figures.md is what the measured files say."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rtvi_local.bench.figures import HOW_CANCELLED, figures_page, latency_picture, with_cancelling, with_figures
from rtvi_local.bench.peer.comparison import medians, ratios
from rtvi_local.bench.sitting import latency
from rtvi_local.bench.wake_figures import Figures
from rtvi_local.bench.wer_table import rows
from tests.bench.turns import turn
from tests.bench.wer_results import wer_result

DOCS = Path(__file__).parents[2] / "docs"
MACHINE = {"processor": "AMD EPYC", "cores": 2, "system": "Linux", "python": "3.11.7"}


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "figures.md").read_text(encoding="utf-8") == figures_page(DOCS), "run: make docs"


def test_the_readme_is_up_to_date() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert readme == with_figures(readme, DOCS), "run: make docs"


def test_the_picture_is_of_the_same_turns_as_the_figures() -> None:
    picture = (DOCS / "latency.svg").read_text(encoding="utf-8")
    assert picture == latency_picture(DOCS), "run: make docs"
    latency = json.loads((DOCS / "latency.json").read_text(encoding="utf-8"))["latency"]
    total, counted = latency["summary"]["total"], latency["counts"]["counted"]
    assert f"median {total['median']:.0f} ms, 9 of 10 within {total['p90']:.0f} ms" in picture
    assert f"{counted} turns" in picture


def test_how_soon_cancelled_work_ends_is_what_was_measured() -> None:
    page = (DOCS / "latency.md").read_text(encoding="utf-8")
    assert page == with_cancelling(page, DOCS), "run: make docs"


def test_cancelled_work_becomes_a_table_in_its_place(tmp_path: Path) -> None:
    free = {"words are transcribed": {"median": 79.04, "p95": 207.6, "counted": 20}}
    report = {"machine": MACHINE, "cancelling": {"measured": "2030-01-02", "free after": free}}
    (tmp_path / "latency.json").write_text(json.dumps(report))
    page = with_cancelling("Before.\n<!-- cancelling, by make docs -->\nold\n<!-- end of cancelling -->\nAfter.\n", tmp_path)
    assert "2 cores of AMD EPYC, Linux, Python 3.11.7, 2030-01-02." in page
    assert "| words are transcribed | 79 ms | 208 ms | after the step at work" in page
    assert "old" not in page and page.endswith("After.\n")
    with pytest.raises(ValueError, match="no part with cancelling"):
        with_cancelling("Before.\n", tmp_path)


def test_every_engine_that_is_cancelled_has_its_way_named() -> None:
    measured = json.loads((DOCS / "latency.json").read_text(encoding="utf-8"))["cancelling"]["free after"]
    assert set(measured) == set(HOW_CANCELLED)


def test_what_was_not_measured_names_the_command_that_measures_it(tmp_path: Path) -> None:
    page = figures_page(tmp_path)
    assert page.count("Not measured yet.") == 9
    assert "`make bench-peer`" in page


def test_what_a_first_run_takes_becomes_a_table_and_stands_in_the_readme(tmp_path: Path) -> None:
    sizes = {"fetched_mb": 712, "venv_mb": 732, "models_mb": 1236}
    report = {"measured": "2030-01-01", "machine": MACHINE, "first_s": 399, "next_s": 5.0, **sizes}
    (tmp_path / "first_run.json").write_text(json.dumps(report))
    assert "| first `make run`, until it answers | 399 s |" in figures_page(tmp_path)
    (tmp_path / "latency.json").write_text((DOCS / "latency.json").read_text())
    readme = with_figures((DOCS.parent / "README.md").read_text(encoding="utf-8"), tmp_path)
    assert "took 7 minutes on 2 cores" in readme
    assert "(`make first-run`, 2030-01-01)" in readme
    assert "- Disk: 0.7 GB for the Python environment and 1.2 GB for the default models" in readme


def test_turns_become_a_table(tmp_path: Path) -> None:
    turns = [turn(400, depth=0), turn(500, depth=9), turn(5, into_pause=True, depth=1)]
    report = {"machine": MACHINE, "latency": latency(turns), "process": {"ready_s": 3.21}, "idle": {"percent": {"8": 20.04}}}
    (tmp_path / "latency.json").write_text(json.dumps(report))
    page = figures_page(tmp_path)
    assert "| **voice to voice**, ms | 450 | 490 | 2 |" in page
    assert "| asked by people, in recordings, ms |  |  | 0 |" in page
    assert "| asked by the default voice, ms | 450 | 490 | 2 |" in page
    assert "| turn 10 of a conversation, ms | 500 | 500 | 1 |" in page
    assert "Of 3 turns, 1 were answered into a pause" in page
    assert "| ready after | 3.2 s | ≤ 4 s | yes |" in page
    assert "| idle, 8 connected | 20.0 % of one core | ≤ 25 % of one core | yes |" in page


def test_word_errors_become_a_table_with_their_intervals(tmp_path: Path) -> None:
    results = [wer_result(stock_errors=1), wer_result(grown_errors=1), wer_result()]
    report = {
        "model": "whisper-base",
        "rows": [asdict(row) for row in rows(results)],
        "measured": "2030-01-03",
        "machine": MACHINE,
    }
    (tmp_path / "wer.json").write_text(json.dumps(report))
    page = figures_page(tmp_path)
    assert "| all | 3 | 30 | 3.3 % (0.0-10.0) | 0.0 % (0.0-0.0) | 3.3 % (0.0-10.0) | +0.0 (" in page
    assert "| ≤ +1.0 | yes | 700 | 140 | 100 |" in page
    assert "Python 3.11.7, 2030-01-03." in page


def test_turn_taking_stands_with_its_bounds(tmp_path: Path) -> None:
    ended = {"group": "complete", "turns": 1, "ended_ms": 310.0, "committed_before_ms": [], "audible_before_ms": None}
    outcomes = [{"name": "Yes.", "detector": detector, **ended} for detector in (True, False)]
    (tmp_path / "turns.json").write_text(json.dumps({"machine": MACHINE, "measured": "today", "kinds": {"end": outcomes}}))
    assert "| complete: end of turn, median | 310 ms | 310 ms | ≤ 300 ms | NO |" in figures_page(tmp_path)


def test_the_peer_stands_beside(tmp_path: Path) -> None:
    sides = {"rtvi-local": [turn(500)], "pipecat": [turn(2000, parts={})]}
    report = {
        "measured": "2026-01-01",
        "machine": MACHINE,
        "medians": {side: medians(turns) for side, turns in sides.items()},
        "ratios": ratios(*sides.values()),
        "memory_mb": {"rtvi-local": 800.0, "pipecat": 1100.0},
        "interruption_ms": {"rtvi-local": {"median": 200.0}, "pipecat": {"median": 500.0}},
        "turns": {side: [asdict(one) for one in turns] for side, turns in sides.items()},
    }
    (tmp_path / "peer.json").write_text(json.dumps(report))
    page = figures_page(tmp_path)
    assert "| first sound, ms | 500 | 2000 | 0.25 | ≤ 0.28 | yes |" in page
    assert "| interruption to silence, ms | 200 | 500 | 0.40 |  |  |" in page
    report["ratios"] = {"first sound": 0.281}
    (tmp_path / "peer.json").write_text(json.dumps(report))
    assert "| first sound, ms | 500 | 2000 | 0.28 | ≤ 0.28 | NO |" in figures_page(tmp_path)


def test_wake_words_become_a_table_with_what_went_wrong(tmp_path: Path) -> None:
    figures = Figures(
        woken={"alexa": 19},
        missed=["Alexa ×0.8"],
        other_speech_minutes=60.2,
        false_wakes=["A lexer."],
        commands={"alexa": 5, "hey computer": 4},
        own_voice={"alexa": 0},
        server_percent_of_a_core={"alexa": 4.04},
    )
    (tmp_path / "wake.json").write_text(json.dumps({"machine": MACHINE, "measured": "2030-01-01", **asdict(figures)}))
    page = figures_page(tmp_path)
    for row in (
        "| alexa: woken | 19 of 20 | ≥ 19 | yes |",
        "| alexa and a command without a pause: word for word | 5 of 5 |  |  |",
        "| hey computer and a command without a pause: word for word | 4 of 5 |  |  |",
        "| woken by its own voice | 0 of 4 | ≤ 0 | yes |",
        "| 60 minutes of other speech: false wakes | 1 | ≤ 1 | yes |",
        "Missed: Alexa ×0.8.",
        "False wakes: A lexer.",
    ):
        assert row in page
    assert "| 4.0 % of one core | ≤ 5 % of one core | yes |" in page


def test_heard_words_become_a_table(tmp_path: Path) -> None:
    trials = [{"remembered": 10, "by_voice": 10, "by_whisper": 11}, {"remembered": 4, "by_voice": 6, "by_whisper": 4}]
    (tmp_path / "heard.json").write_text(json.dumps({"machine": MACHINE, "measured": "2030-01-01", "trials": trials}))
    page = figures_page(tmp_path)
    assert "| the voice's own clock | 2 | 1 | 1 | 2 |" in page
    assert "| Whisper's alignment | 2 | 1 | 2 | 1 |" in page
