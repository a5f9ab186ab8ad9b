"""What is left of descriptions without the examples that a small model copies."""

from __future__ import annotations

import pytest

from rtvi_local.engines.tool_examples import without_examples
from rtvi_local.tools.tool import NO_PARAMETERS, Tool


def told(description: str, **schema: object) -> str:
    parameters = {"type": "object", "properties": {"value": {"type": "string", "description": description, **schema}}}
    shown: dict[str, dict[str, dict[str, str]]] = dict(without_examples(Tool("t", "", parameters)).parameters)  # type: ignore[arg-type]
    return shown["properties"]["value"]["description"]


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("The city and state, e.g. San Francisco, CA", "The city and state"),
        ("The city (for example Paris) to look up", "The city to look up"),
        ("A room such as kitchen. In English", "A room. In English"),
        ("The song", "The song"),
        ("A date, e.g. 2026-01-31", "A date, e.g. 2026-01-31"),
        ("How many, e.g. 5", "How many, e.g. 5"),
    ],
)
def test_names_are_left_out_and_forms_are_kept(description: str, shown: str) -> None:
    assert told(description) == shown


def test_what_has_few_values_is_left_alone() -> None:
    assert told("The unit, e.g. minutes", enum=["minutes", "hours"]) == "The unit, e.g. minutes"


def test_a_tool_without_arguments_stays_as_it_is() -> None:
    tool = Tool("get_time", "Tells the time, e.g. for alarms", NO_PARAMETERS)
    assert without_examples(tool) == tool
