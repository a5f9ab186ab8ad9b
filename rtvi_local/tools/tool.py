"""What a tool is, and what it gives back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtvi_local.errors import UserError

Arguments = Mapping[str, Any]
"""As the tool's schema wants them."""

NO_PARAMETERS: Mapping[str, object] = {"type": "object", "properties": {}}


class ToolError(UserError):
    """A tool cannot do what it was asked to, or a definition is no tool. The text is for the model or the client."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What the model is told of a tool."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=lambda: NO_PARAMETERS)
    """A JSON schema of type object."""

    def to_openai(self) -> dict[str, object]:
        """As chat templates take it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """What the model wants called."""

    name: str
    arguments: Arguments


def as_content(result: object) -> object:
    """A tool's result as the content of a message: text as it is, parts in the OpenAI form (which may hold an image:
    `{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,…"}}`) as they are, everything else as JSON."""
    if isinstance(result, str):
        return result
    if isinstance(result, list) and result and all(isinstance(part, dict) and _is_part(part) for part in result):
        return result
    return json.dumps(result, ensure_ascii=False)


def _is_part(part: Mapping[str, object]) -> bool:
    return part.get("type") in ("text", "image_url") and str(part.get("type")) in part
