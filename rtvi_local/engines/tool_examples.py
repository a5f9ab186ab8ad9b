"""Examples in the descriptions of a tool's arguments, which a small model takes for the answer. Pure.

"The city and state, e.g. San Francisco, CA" made a model of 0.5B call for the weather in "Boston, CA", "Madrid, CA" and, asked
for no city, San Francisco; without its last half it wrote "Boston, MA", "Madrid" and "Athens, Greece". Examples with digits
stay: they show a form ("e.g. 2026-01-31") that the model could not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rtvi_local.tools.tool import Tool

_INTRODUCED = r"(?:e\.\s?g\.|eg\.|for example|for instance|such as|z\.\s?B\.|p\.\s?ej\.)"
_EXAMPLE = re.compile(
    rf"\s*[,;:(\[–—-]*\s*\b{_INTRODUCED}(?![^.;)\]]*\d)[^.;)\]]*(?:[)\]]|(?=[.;])|$)",
    re.IGNORECASE,
)
"""As far as its bracket or its sentence goes, unless there is a digit in it."""


def without_examples(tool: Tool) -> Tool:
    """The same tool as the model is shown it."""
    properties = tool.parameters.get("properties")
    if not isinstance(properties, Mapping):
        return tool
    return replace(tool, parameters={**tool.parameters, "properties": {name: _told(each) for name, each in properties.items()}})


def _told(schema: Any) -> Any:
    if not isinstance(schema, Mapping) or not isinstance(schema.get("description"), str) or "enum" in schema:
        return schema
    return {**schema, "description": _EXAMPLE.sub("", schema["description"]).strip()}
