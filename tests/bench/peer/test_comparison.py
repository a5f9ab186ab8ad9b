"""Ours beside the peer's, stage by stage."""

from __future__ import annotations

import pytest

from rtvi_local.bench.peer.comparison import comparison, medians, ratios, stages
from tests.bench.turns import turn

PEER_MARKS = {"vad stop": 440.0, "final transcript": 1400.0, "first model text": 1600.0, "bot started": 2100.0}


def test_our_stages_are_those_of_the_trace_and_the_peers_those_that_its_client_was_told() -> None:
    ours = stages(turn(500, marks={"final transcript": 480.0, "bot started": 505.0}))
    assert ours == pytest.approx(
        {"vad stop": 300, "final transcript": 420, "first model text": 500, "bot started": 505, "first sound": 500}
    )
    assert stages(turn(2150, parts={}, marks=PEER_MARKS)) == {**PEER_MARKS, "first sound": 2150}


def test_ratios_are_of_medians_and_leave_out_what_does_not_count() -> None:
    ours = [turn(400), turn(500), turn(600), turn(10, into_pause=True)]
    peers = [turn(2000, parts={}, marks=PEER_MARKS), turn(None, parts={})]
    assert ratios(ours, peers)["first sound"] == 0.25
    assert "first sound, p90" in medians(ours)


def test_the_table_has_every_stage_and_how_many_turns_failed() -> None:
    text = comparison([turn(500)], [turn(2000, parts={}, marks=PEER_MARKS), turn(None, parts={})])
    assert "0.25" in text
    assert text.splitlines()[0].split() == ["median,", "ms", "rtvi-local", "pipecat", "ratio"]
    assert any(line.split()[:2] == ["not", "answered"] and line.split()[-2:] == ["0", "1"] for line in text.splitlines())


def test_a_side_without_answers_leaves_its_column_empty() -> None:
    assert "0." not in comparison([turn(None, parts={})], [turn(2000, parts={})])
