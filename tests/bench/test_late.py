"""How late the voice was, from what the appliance tells of it."""

from __future__ import annotations

from rtvi_local.bench import bounds
from rtvi_local.bench.caller import Message
from rtvi_local.bench.late import BETWEEN_CLAUSES, IN_CLAUSE, late_ms, lateness
from rtvi_local.bench.sitting import latency
from tests.bench.turns import turn


def metric(processor: str, value_s: float) -> Message:
    return Message(0.0, "metrics", {"processing": [{"processor": processor, "value": value_s}]}, None)


def late(*in_clause: float, between: tuple[float, ...] = ()) -> dict[str, list[float]]:
    return {IN_CLAUSE: list(in_clause), BETWEEN_CLAUSES: list(between)}


def test_every_hole_of_an_answer_is_kept_by_where_it_was() -> None:
    told = [
        metric("voice.late_in_clause", 0.02),
        metric("turn.vad", 0.06),
        Message(0.0, "metrics", {"ttfb": [{"processor": "llm", "value": 0.1}]}, None),
        metric("voice.late_between_clauses", 0.5),
        metric("voice.late_in_clause", 0.06),
    ]
    assert late_ms(told) == late(20.0, 60.0, between=(500.0,))


def test_an_answer_with_a_long_hole_in_a_clause_breaks_the_bound_and_one_that_waits_for_words_does_not() -> None:
    turns = [turn(late_ms=late(between=(900.0,))), turn(late_ms=late(30.0, 30.0)), turn(late_ms=late(41.0)), turn()]
    assert lateness(turns)[IN_CLAUSE] == {"heard": 1, "longest_ms": 41.0, "most_ms": 60.0}
    rows = {name: (found, holds) for name, found, _, holds in bounds.rows({"latency": latency(turns)})}
    assert rows["answers with over 40 ms missing in a clause"] == ("1 of 3", "NO"), "nobody looked at the fourth"
    assert rows["voice late between clauses, longest"] == ("900.0 ms", "")


def test_where_nobody_looked_there_is_no_figure() -> None:
    assert lateness([turn(), turn(None, late_ms=late(50.0))]) == {}
    assert not any("voice late" in row[0] for row in bounds.rows({"latency": latency([turn()])}))
