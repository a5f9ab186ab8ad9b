"""What a client asks for when it asks for a conversation. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rtvi_local.pipeline.options import Change, OptionError, Wanted, from_short_form, services, wanted

_SPELLINGS = {
    "system_prompt": ("llm", "system_prompt"),
    "systemPrompt": ("llm", "system_prompt"),
    "initial_messages": ("llm", "initial_messages"),
    "initialMessages": ("llm", "initial_messages"),
    "use_builtin_tools": ("tools", "builtin"),
    "useBuiltinTools": ("tools", "builtin"),
}
"""Keys of their own → service and option."""


def read_options(data: Mapping[str, Any]) -> Wanted:
    """The options in request data: under `config`, or under the names of the services; the system prompt, the first
    messages and the tools also by themselves. Whatever else is in there is somebody else's. Raises OptionError."""
    changes: list[Change] = []
    if data.get("config") is not None:
        changes += from_short_form(data["config"])
    for service in services():
        if isinstance(data.get(service), dict):
            changes += from_short_form({service: data[service]})
    changes += [(*option, data[key]) for key, option in _SPELLINGS.items() if data.get(key) is not None]
    if data.get("tools") and isinstance(data["tools"], list):  # an object of that name holds the options of the service
        changes.append(("llm", "tools", data["tools"]))
    return wanted(changes, at_start=True)


def from_texts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same from where everything is text, as in a telephone's dial plan: what is no text otherwise is JSON there. Raises
    OptionError."""
    lists = (key for key, (_, option) in _SPELLINGS.items() if option != "system_prompt")
    structured = {"pipeline", "config", "tools", *services(), *lists}
    return {key: _parsed(key, value) if key in structured else value for key, value in parameters.items()}


def _parsed(key: str, value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise OptionError(f"The parameter '{key}' must be JSON.") from None
