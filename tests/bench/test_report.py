"""Figures from turns: what is in them, and what is not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from rtvi_local.bench import bounds
from rtvi_local.bench.interruption import ENDED, STOPPED, WENT_ON, Interruption
from rtvi_local.bench.latency import Utterance
from rtvi_local.bench.plot import KINDS, plot
from rtvi_local.bench.report import GROUPS, WATERFALL, by_depth, counts, percentile, rest, summary, table
from rtvi_local.bench.sitting import add, interruptions, latency, scripts
from tests.bench.turns import turn

MACHINE = {"processor": "A & B", "cores": 2}


def test_percentiles_lie_between_the_closest_ranks() -> None:
    assert percentile([1.0], 0.9) == 1.0
    assert percentile([0.0, 10.0], 0.5) == 5.0
    assert percentile([float(i) for i in range(11)], 0.9) == pytest.approx(9.0)


def test_turns_that_failed_or_were_answered_into_a_pause_are_counted_and_in_no_figure() -> None:
    turns = [turn(400), turn(600, parts={}), turn(5, into_pause=True), turn(None, parts={})]
    assert summary(turns)["total"]["median"] == 500
    assert counts(turns) == {
        "turns": 4,
        "counted": 2,
        "answered into a pause": 1,
        "not answered": 1,
        "without parts": 1,
        "with a gap over 40 ms": 0,
    }


def test_no_turn_that_counts_gives_no_figures_and_still_a_table() -> None:
    turns = [turn(None, parts={})]
    assert summary(turns) == {}
    assert "no answer" in table(turns)


def test_the_parts_of_the_median_add_up_for_one_turn() -> None:
    figures = summary([turn(450)])
    assert sum(figures[name]["median"] for name in figures if name not in ("total", "longest gap")) == pytest.approx(450)


def test_the_table_shows_each_part_in_the_order_of_time() -> None:
    below = table([turn(450)]).split("\n\n")[1].splitlines()[2:]
    assert [line.split()[0] for line in below] == [name.split("_")[0] for name in (*WATERFALL, "total")]
    assert sum(float(line.split()[-1]) for line in below[:-1]) == float(below[-1].split()[-1]) == 450


def test_every_part_has_a_column_and_a_colour() -> None:
    assert sorted(part for parts in GROUPS.values() for part in parts) == sorted(WATERFALL) == sorted(KINDS)


def test_the_first_and_the_deepest_turn_have_figures_of_their_own() -> None:
    turns = [turn(400, depth=0), turn(900, depth=4), turn(500, depth=9), turn(420, depth=0), turn(540, depth=9)]
    assert {depth: figures["median"] for depth, figures in by_depth(turns).items()} == {1: 410, 10: 520}
    assert "median of turn 10" in table(turns)


def test_turns_at_two_depths_are_compared_question_by_question() -> None:
    pairs = [turn(400, name="a"), turn(900, name="b", depth=9), turn(880, name="b"), turn(420, name="a", depth=9)]
    alone = [turn(2000, name="a"), turn(3000, name="c"), turn(9000, name="d", depth=9), turn(5, name="d", into_pause=True)]
    figures = by_depth(pairs + alone)
    assert {depth: (one["median"], one["counted"]) for depth, one in figures.items()} == {1: (640, 2), 10: (660, 2)}
    assert by_depth([turn(400, name="a"), turn(500, name="b", depth=3)]) == {}, "nothing to compare"


def test_every_line_of_the_table_is_as_wide_as_its_columns_ask() -> None:
    lines = table([turn(450, name="A"), turn(1450, name="A much longer question than the other one")]).splitlines()
    lines = lines[: lines.index("")]
    rules = [line for line in lines if line.startswith("-")]
    assert len(rules) == 2
    assert len(set(rules)) == 1
    assert max(map(len, lines)) == len(rules[0])


def test_the_rest_of_a_report_is_a_line_a_figure() -> None:
    report = {
        "latency": latency([turn(450)]),
        "interruptions": interruptions([Interruption("no", 200.0, STOPPED), Interruption("no", None, ENDED)]),
        "conversations": {"at once": {"2": {"median": 700.0, "p90": 900.0, "counted": 8}}},
        "long": {"depth": 30, "median": 500.0, "p90": 600.0, "counted": 5},
        "process": {"ready_s": 3.2, "memory_mb": 812.0, "loop_stall_p99_ms": None},
        "idle": {"percent": {"1": 2.5}},
    }
    assert rest(report).splitlines() == [
        "1 turns, 1 counted",
        "interruption: silent median 200 ms, p90 200 ms after the person's first sound (1 of 2; 1 had no more to say)",
        "2 talking at the same time: median 700 ms, p90 900 ms (8 counted)",
        "after 30 turns: median 500 ms, p90 600 ms (5 counted)",
    ]


def test_what_was_measured_stands_beside_its_bound_and_whether_it_holds() -> None:
    parts = {"end_heard": 56.0, "network": -6.0, "first_token": 400.0}
    report = {
        "latency": latency([turn(450, parts=parts), turn(1700, longest_gap_ms=50, parts={})]),
        "interruptions": interruptions([Interruption("no", 200.0, STOPPED), Interruption("no", None, WENT_ON)]),
        "process": {"ready_s": 4.1, "memory_mb": 812.0, "peak_memory_mb": 1000.0, "loop_stall_p99_ms": None},
        "idle": {"percent": {"1": 2.5, "3": 6.0}},
        "cancelling": {"free after": {"the model writes": {"median": 8.0, "p95": 31.0, "counted": 20}}},
    }
    assert bounds.rows(report) == [
        ("voice to voice, median", "1075.0 ms", "≤ 600 ms", "NO"),
        ("voice to voice, p90", "1575.0 ms", "≤ 1000 ms", "NO"),
        ("answers with a gap over 40 ms", "1 of 2", "≤ 0", "NO"),
        ("answers whose parts are unknown", "1 of 2", "≤ 0", "NO"),
        ("first packet, left to came, median", "6.0 ms", "≤ 5 ms", "NO"),
        ("first packet, left to came, longest", "6.0 ms", "≤ 20 ms", "yes"),
        ("interruption to silence, median", "200.0 ms", "≤ 250 ms", "yes"),
        ("interrupted, and went on", "1 of 2", "≤ 0", "NO"),
        ("ready after", "4.1 s", "≤ 4 s", "NO"),
        ("memory with one conversation", "812.0 MB", "≤ 900 MB", "yes"),
        ("at most, during the turns", "1000.0 MB", "", ""),
        ("idle, 1 connected", "2.5 % of one core", "≤ 3 % of one core", "yes"),
        ("idle, 3 connected", "6.0 % of one core", "", ""),
        ("cancelled while the model writes: cores free, median", "8.0 ms", "≤ 30 ms", "yes"),
        ("cancelled while the model writes: cores free, p95", "31.0 ms", "≤ 30 ms", "NO"),
    ]
    assert bounds.table({}) == ""


def test_the_first_and_the_deepest_turns_are_of_the_same_utterances() -> None:
    utterances = [Utterance(str(number), np.zeros(0, np.int16)) for number in range(7)]
    said = [[utterance.name for utterance in conversation] for conversation in scripts(utterances, 8, 3)]
    assert said == [["0", "1", "2"], ["2", "4", "0"], ["6", "0"]]
    assert sorted(one[0] for one in said[:2]) == sorted(one[-1] for one in said[:2])


def test_a_second_sitting_adds_its_turns_and_replaces_the_rest() -> None:
    first = {"latency": latency([turn(400)]), "process": {"ready_s": 3.0}, "idle": {"percent": {"1": 9.0}}}
    second = {"latency": latency([turn(600)]), "process": {"memory_mb": 800.0}, "idle": {"percent": {"1": 2.0}}}
    both = add(first, second)
    assert both["latency"]["summary"]["total"]["median"] == 500
    assert both["process"] == {"ready_s": 3.0, "memory_mb": 800.0}
    assert both["idle"]["percent"] == {"1": 2.0}


def test_the_picture_is_xml_with_a_bar_for_every_part_of_every_turn() -> None:
    root = ElementTree.fromstring(plot([turn(450), turn(470)], MACHINE))
    bars = [part for part in root.iter("{http://www.w3.org/2000/svg}rect") if part.get("style")]
    assert len(bars) == 3 * 4, "the median turn and both turns, with four parts each"
    assert float(root.attrib["width"]) >= max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars)


def test_a_turn_whose_parts_are_unknown_is_one_bar_and_in_the_median() -> None:
    picture = plot([turn(400), turn(410), turn(500, parts={})], MACHINE)
    assert picture.count("<title>parts unknown</title>") == 1
    assert "median 410 ms" in picture
    assert "3 turns" in picture


def test_a_slow_turn_is_cut_off_and_says_so() -> None:
    picture = plot([turn(450), turn(460), turn(470), turn(480), turn(455), turn(465), turn(475), turn(4000)], MACHINE)
    assert "4000 →" in picture
    last_line = max(float(x) for x in re.findall(r'class="grid" x1="([\d.]+)"', picture))
    assert last_line < 860


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="no turn was answered"):
        plot([turn(None, parts={})], MACHINE)
