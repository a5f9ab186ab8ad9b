"""What counts as a call made rightly."""

from __future__ import annotations

from typing import Any

from rtvi_local.bench.tools import Outcome, Question, judged, table

PARIS = Question("Is it warm in Paris?", "get_weather", "paris")


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function_name": name, "arguments": arguments}


def outcome(calls: list[dict[str, Any]], answer: str, question: Question | None = PARIS) -> Outcome:
    return judged("…", question, calls, answer, ("64", "foggy"), 1000.0)


def test_a_call_must_be_of_the_tool_with_what_was_said_and_the_answer_must_hold_its_result() -> None:
    right = [call("get_weather", location="Paris, France")]
    assert outcome(right, "It is sixty-four degrees and foggy.").good
    assert not outcome(right, "It is 60 degrees and foggy.").good
    assert not outcome([call("get_weather", location="Rome")], "It is 64 degrees and foggy.").good
    assert not outcome([call("get_time", location="Paris")], "It is 64 degrees and foggy.").good
    assert not outcome([*right, *right], "It is 64 degrees and foggy.").good
    assert not outcome([], "It is 64 degrees and foggy.").good


def test_small_talk_is_good_if_nothing_is_called() -> None:
    assert outcome([], "Hello!", None).good
    assert not outcome([call("get_weather", location="Paris")], "Hello!", None).good


def test_the_table_counts_each_kind_by_itself() -> None:
    right = outcome([call("get_weather", location="Paris")], "64 and foggy")
    text = table([right, outcome([], ""), outcome([], "Hello!", None)])
    assert [line.split()[-3:] for line in text.splitlines()[:3]] == [["1", "of", "2"], ["1", "of", "2"], ["0", "of", "1"]]
