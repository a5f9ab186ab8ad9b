"""What is asked of the model to know whether a tool is wanted, and what is made of the answer."""

from __future__ import annotations

import math

import pytest

from rtvi_local.engines.tool_judge import (
    MOST_CHARACTERS,
    NEEDED,
    TALK,
    Basis,
    asks_for,
    basis,
    is_greeting,
    needed_further,
    possible,
    ratio,
    words_of,
)
from rtvi_local.tools.tool import Tool, WrittenCall

WEATHER = Tool("get_weather", "Get the weather", {"type": "object", "properties": {"location": {"type": "string"}}})
TIME = Tool("get_current_time", "Tells the time")
VOLUME = Tool("set_volume", "Sets the volume", {"type": "object", "properties": {"percent": {"type": "number"}}})


def test_the_surest_tool_comes_first_and_a_question_needs_less_than_a_statement() -> None:
    assert possible([WEATHER, TIME], {"get_weather": 5.0, "get_current_time": 6.0}, "Well.") == [TIME, WEATHER]
    assert possible([WEATHER, TIME], {"get_weather": -1.0, "get_current_time": -1.0}, "Is it cold in Oslo?") == [WEATHER]
    assert possible([WEATHER, TIME], {"get_weather": 1.0, "get_current_time": 0.0}, "I live in Oslo.") == []


@pytest.mark.parametrize(
    ("location", "said", "before", "stands_on"),
    [
        ("Oslo, Norway", "Is it cold in Oslo?", "", Basis.ASKED),
        ("Lisboa, Portugal", "Weather in Lisbon, please.", "", Basis.SAID),
        ("Boston, MA", "And the weather there?", "I live in Boston.", Basis.ASKED),
        ("San Francisco, CA", "Do you like rainy days?", "", Basis.INVENTED),
        ("the house and garden", "What does the fox say?", "", Basis.INVENTED),
        ("北京", "北京的天气怎么样?", "", Basis.SAID),
        ("", "How is the weather?", "", Basis.INVENTED),
    ],
)
def test_what_a_call_says_was_said_or_is_invented(location: str, said: str, before: str, stands_on: Basis) -> None:
    assert basis(WEATHER, {"location": location}, said, before) is stands_on


def test_numbers_are_invented_where_none_was_said() -> None:
    assert basis(VOLUME, {"percent": 25}, "No, thanks.", "") is Basis.INVENTED
    assert basis(VOLUME, {"percent": 21}, "Make it twenty one.", "") is Basis.NOTHING
    assert basis(VOLUME, {"percent": 50}, "Set the volume to 50%.", "") is Basis.NOTHING


def test_a_tool_without_words_for_arguments_stands_on_its_ratio_alone() -> None:
    assert basis(TIME, {}, "What time is it?", "") is Basis.NOTHING
    assert possible([TIME], {"get_current_time": NEEDED[Basis.NOTHING] + 0.1}, "The time.") == [TIME]


def test_the_best_way_to_talk_counts_against_a_tool() -> None:
    tool = Tool("get_weather", "Get the weather")
    scores = dict.fromkeys(TALK, -40.0) | {TALK[1]: -30.0, asks_for(tool): -28.0}
    assert ratio(tool, scores) == 2.0


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
    assert needed_further(weather("Rome, Italy"), first, said) == 0.0
    assert needed_further(weather("London"), first, said) == math.inf
    assert needed_further(weather("Paris, TX"), first, said) == math.inf
    assert needed_further(WrittenCall("get_weather", {}), first, said) == math.inf


def test_a_further_call_of_another_tool_must_be_surer() -> None:
    first = [WrittenCall("set_timer", {"amount": 30})]
    said = "Start a countdown of thirty seconds and turn on the lamp in the kitchen."
    assert needed_further(WrittenCall("turn_on_light", {"room": "kitchen"}), first, said) == NEEDED[Basis.SAID]
    assert needed_further(WrittenCall("get_current_time", {}), first, said) == NEEDED[Basis.INVENTED]
    assert needed_further(WrittenCall("set_volume", {"percent": 50}), first, said) == math.inf, "the number has been used"


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
