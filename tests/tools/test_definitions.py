"""Definitions of tools, in the forms that clients use."""

from __future__ import annotations

import pytest

from rtvi_local.tools.definitions import MOST_TOOLS, read_tools
from rtvi_local.tools.tool import Tool, ToolError, as_content

SCHEMA = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}


@pytest.mark.parametrize(
    "form",
    [
        {"name": "f", "description": "d", "input_schema": SCHEMA},
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}},
        {"name": "f", "description": "d", "parameters": SCHEMA},
    ],
)
def test_both_forms_mean_the_same(form: object) -> None:
    assert read_tools([form]) == (Tool("f", "d", SCHEMA),)


def test_a_tool_may_take_nothing() -> None:
    (tool,) = read_tools([{"name": "f"}])
    assert tool.to_openai()["function"] == {
        "name": "f",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    }


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ("f", "list of"),
        ([1], "A tool is"),
        ([{"name": ""}], "name"),
        ([{"name": "no spaces"}], "'no spaces' is not"),
        ([{"name": "f", "description": 1}], "description of the tool f"),
        ([{"name": "f", "input_schema": {"type": "array"}}], "of the tool f must be a JSON schema of type object"),
        ([{"name": "f", "input_schema": {"properties": []}}], "properties"),
        ([{"name": "f", "input_schema": {"properties": {}, "required": "x"}}], "required"),
        ([{"name": "f"}, {"name": "f"}], "Two tools are called 'f'"),
        ([{"name": f"f{number}"} for number in range(MOST_TOOLS + 1)], "at most"),
    ],
)
def test_what_is_no_tool_is_refused_with_the_reason(tools: object, reason: str) -> None:
    with pytest.raises(ToolError) as refused:
        read_tools(tools)
    assert reason in str(refused.value)


def test_results_become_content() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert as_content("64 degrees") == "64 degrees"
    assert as_content({"degrees": 64}) == '{"degrees": 64}'
    assert as_content(None) == "null"
    assert as_content([1, "é"]) == '[1, "é"]'
    assert as_content([{"type": "text", "text": "Here:"}, image]) == [{"type": "text", "text": "Here:"}, image]
