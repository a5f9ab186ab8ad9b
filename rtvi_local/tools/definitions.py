"""Tool definitions as clients write them: Anthropic's `input_schema` form of RTVI's founding document, and the OpenAI form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rtvi_local.tools.tool import NO_PARAMETERS, Tool, ToolError

MOST_TOOLS = 64
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FORMS = "{name, description, input_schema} or {type: 'function', function: {name, description, parameters}}"


def read_tools(value: object) -> tuple[Tool, ...]:
    """Raises ToolError, which says which definition is wrong and how."""
    if not isinstance(value, (list, tuple)):
        raise ToolError(f"Tools are a list of {_FORMS}.")
    if len(value) > MOST_TOOLS:
        raise ToolError(f"There may be at most {MOST_TOOLS} tools.")
    tools = tuple(read_tool(each) for each in value)
    names = [tool.name for tool in tools]
    for name in names:
        if names.count(name) > 1:
            raise ToolError(f"Two tools are called {name!r}.")
    return tools


def read_tool(value: object) -> Tool:
    """One definition, in either form. Raises ToolError."""
    given: Any = value
    if isinstance(given, dict) and isinstance(given.get("function"), dict):
        given = given["function"]
    if not isinstance(given, dict):
        raise ToolError(f"A tool is {_FORMS}.")
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ToolError(f"A tool's name is of letters, digits, _, . and -, at most 64 of them; {str(name)[:80]!r} is not.")
    description = given.get("description", "")
    if not isinstance(description, str):
        raise ToolError(f"The description of the tool {name} must be text.")
    schema = next((given[key] for key in ("input_schema", "parameters", "inputSchema") if given.get(key)), NO_PARAMETERS)
    return Tool(name, description, _checked(schema, name))


def _checked(schema: object, name: str) -> Mapping[str, object]:
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise ToolError(f"The parameters of the tool {name} must be a JSON schema of type object.")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(each, (dict, bool)) for each in properties.values()):
        raise ToolError(f"The properties in the schema of the tool {name} must be an object of schemas.")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
        raise ToolError(f"`required` in the schema of the tool {name} must be a list of names.")
    return {**schema, "type": "object", "properties": properties}
