"""What is asked of the model to know whether a tool is wanted, and what is made of the answer."""

from __future__ import annotations

import pytest

from rtvi_local.engines.tool_judge import (
    MARGIN,
    MOST_CHARACTERS,
    TALK,
    adds_something,
    asks_for,
    is_greeting,
    ratio,
    threshold,
    wanted,
    words_of,
)
from rtvi_local.tools.tool import Tool, WrittenCall


def test_the_tool_that_exceeds_its_threshold_by_most_is_wanted_first() -> None:
    thresholds = {"weather": 2.0, "time": 1.0}
    assert wanted({"weather": 5.0, "time": 1.5}, thresholds) == ["weather", "time"]
    assert wanted({"weather": 2.4, "time": 1.9}, thresholds) == ["time", "weather"]
    assert wanted({"weather": 2.4, "time": 0.9}, thresholds) == ["weather"]
    assert wanted({"weather": 1.9, "time": 0.9}, thresholds) == []
    assert wanted({}, {}) == []


def test_the_best_way_to_talk_counts_against_a_tool() -> None:
    tool = Tool("get_weather", "Get the weather")
    scores = dict.fromkeys(TALK, -40.0) | {TALK[1]: -30.0, asks_for(tool): -28.0}
    assert ratio(tool, scores) == 2.0


def test_small_talk_asks_for_nothing() -> None:
    small_talk = [-2.0, 1.0, 3.0]
    assert threshold(small_talk) == 3.0 + MARGIN
    assert wanted({"weather": max(small_talk)}, {"weather": threshold(small_talk)}) == []


def test_a_tool_is_described_by_its_name_and_what_it_does() -> None:
    assert "get_weather (Get the weather):" in asks_for(Tool("get_weather", "Get the weather. "))
    assert "function get_weather:" in asks_for(Tool("get_weather"))


def test_of_a_long_speech_the_end_counts() -> None:
    words = words_of("x" * 1000 + " and the weather in Rome?")
    assert words.endswith('and the weather in Rome?"\n')
    assert len(words) <= MOST_CHARACTERS + 2


def test_a_further_call_must_be_of_something_else_that_was_said() -> None:
    def weather(location: str) -> WrittenCall:
        return WrittenCall("get_weather", {"location": location})

    said = "What is the weather in Paris and in Rome?"
    first = [weather("Paris, France")]
    assert adds_something(weather("Rome, Italy"), first, said)
    assert not adds_something(weather("London"), first, said)
    assert not adds_something(weather("Paris, TX"), first, said)
    assert adds_something(WrittenCall("get_current_time", {}), first, said)
    assert not adds_something(WrittenCall("get_weather", {}), first, said)


@pytest.mark.parametrize(
    "text", ["Hello, how are you today?", "Hi!", "Good morning.", "Hey there, how is it going?", "How are you doing?", "Hello"]
)
def test_a_greeting_asks_for_nothing(text: str) -> None:
    assert is_greeting(text)


@pytest.mark.parametrize(
    "text", ["Hello, how is the weather today?", "Hi, turn on the light.", "How are you going to get there?"]
)
def test_more_than_a_greeting_may_ask_for_something(text: str) -> None:
    assert not is_greeting(text)
