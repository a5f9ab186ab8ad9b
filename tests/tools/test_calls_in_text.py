"""Calls in streamed text."""

from __future__ import annotations

import json

import pytest

from rtvi_local.tools.calls_in_text import CallsInText
from rtvi_local.tools.tool import WrittenCall

CALL = '{"name": "get_weather", "arguments": {"location": "Paris {1}"}}'
MADE = WrittenCall("get_weather", {"location": "Paris {1}"})


def found(text: str, size: int) -> tuple[str, list[WrittenCall]]:
    """What comes out if the text comes in pieces of this size."""
    calls = CallsInText(["get_weather"])
    pieces = [piece for start in range(0, len(text), size) for piece in calls.push(text[start : start + size])]
    pieces += calls.flush()
    spoken = "".join(piece for piece in pieces if isinstance(piece, str))
    return spoken, [piece for piece in pieces if isinstance(piece, WrittenCall)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "spoken", "calls"),
    [
        (CALL, "", 1),
        (f"<tool_call>\n{CALL}\n</tool_call>", "", 1),
        (f"<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{CALL}\n</tool_call>", "", 2),
        (f"```json\n{CALL}\n```", "", 1),
        (f"```\n{CALL}\n```", "", 1),
        (f"[{CALL}, {CALL}]", "", 2),
        (f"{CALL}\n{CALL}", "", 2),
        (f"Let me see. {CALL}", "Let me see. ", 1),
        (f"{CALL}\nIt is sunny.", "It is sunny.", 1),
        ('{"function": {"name": "get_weather", "arguments": "{\\"location\\": \\"Paris {1}\\"}"}}', "", 1),
        ('{"type": "function", "function": {"name": "get_weather", "parameters": {"location": "Paris {1}"}}}', "", 1),
        ('{"tool_calls": [' + CALL + "]}", "", 1),
        ("It is sunny.", "It is sunny.", 0),
        ("Use {curly} braces, or a < b, or [this].", "Use {curly} braces, or a < b, or [this].", 0),
        ('A set is {1, 2}, an object {"a": 1}.', 'A set is {1, 2}, an object {"a": 1}.', 0),
        ("Write `x = 1` or ```\nx = 1\n``` then.", "Write `x = 1` or ```\nx = 1\n``` then.", 0),
        ('{"name": "other_tool", "arguments": {}}', "", 0),
        ('{"name": "get_weather", "arguments": {"loc', "", 0),
        ("<tool_call>\n", "", 0),
        ('{"name": "Anna", "age": 7}', '{"name": "Anna", "age": 7}', 0),
        ("", "", 0),
    ],
)
def test_what_is_a_call_is_made_and_everything_else_is_said(text: str, spoken: str, calls: int, size: int) -> None:
    said, made = found(text, size)
    assert said == spoken
    assert made == [MADE] * calls


def test_text_is_not_held_back_longer_than_it_is_doubtful() -> None:
    calls = CallsInText(["get_weather"])
    assert calls.push("It is <") == ["It is "]
    assert calls.push("b") == ["<b"]
    assert calls.push(' {"na') == [" "]
    assert calls.push("me") == []
    assert "".join(map(str, calls.push("less"))) == '{"nameless'


def test_without_tools_everything_is_text() -> None:
    assert CallsInText([]).push(CALL) == [CALL]


def test_what_never_ends_is_given_up() -> None:
    calls = CallsInText(["get_weather"])
    assert calls.push(json.dumps({"name": "get_weather", "arguments": {"location": "x" * 5000}})[:4500]) == []
    assert calls.push(" more") == [" more"]
