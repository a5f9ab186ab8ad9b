"""Grammars of arguments: llama.cpp takes them, and they allow what the schema allows and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtvi_local.engines.call_grammar import certain_start, fitted, grammar_of

WEATHER = {
    "type": "object",
    "properties": {
        "location": {"type": "string", "description": "The city"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 3},
    },
    "required": ["location"],
}


def test_strings_end_and_small_numbers_are_listed() -> None:
    schema = fitted(WEATHER, {})
    assert schema["properties"]["location"] == {"type": "string", "maxLength": 120}
    assert schema["properties"]["days"] == {"enum": [1, 2, 3]}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("schema", "start"),
    [
        (WEATHER, ' {"location": "'),
        ({"type": "object", "properties": {}}, " {}"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, " {"),
        ({"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}, ' {"n":'),
        ({"type": "object", "properties": {"e": {"enum": ["x"]}}, "required": ["e"]}, ' {"e":'),
    ],
)
def test_what_is_certain_need_not_be_written(schema: dict[str, Any], start: str) -> None:
    assert certain_start(schema) == start


@pytest.mark.parametrize(
    "schema",
    [
        WEATHER,
        {"type": "object", "properties": {}},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"type": "array", "items": {"type": "boolean"}}},
        },
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        {"type": "object", "properties": {"a": {"type": ["string", "null"], "pattern": "(?!x)", "format": "date"}}},
        {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"const": 1}}, "required": ["b"]}}},
        {"type": "object", "properties": {"a": True, "b": {"allOf": [{"$ref": "http://elsewhere/x"}]}}},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
def test_every_schema_comes_to_a_grammar(schema: dict[str, Any]) -> None:
    grammar = grammar_of(schema)
    assert grammar.count('root ::= " "?') == 1


def test_recursion_ends() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}}
    assert grammar_of({**node, "$defs": {"Node": node}})
