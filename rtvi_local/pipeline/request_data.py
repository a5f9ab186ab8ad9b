"""What a client asks for when it asks for a conversation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtvi_local.pipeline.options import Change, Wanted, from_short_form, services, wanted

_SPELLINGS = {
    "system_prompt": "system_prompt",
    "systemPrompt": "system_prompt",
    "initial_messages": "initial_messages",
    "initialMessages": "initial_messages",
}
"""Keys of their own → options of the language model."""


def read_options(data: Mapping[str, Any]) -> Wanted:
    """The options in request data: under `config`, or under the names of the services; the system prompt and the first messages
    also by themselves. Whatever else is in there is somebody else's. Raises OptionError."""
    changes: list[Change] = []
    if data.get("config") is not None:
        changes += from_short_form(data["config"])
    for service in services():
        if isinstance(data.get(service), dict):
            changes += from_short_form({service: data[service]})
    changes += [("llm", option, data[key]) for key, option in _SPELLINGS.items() if data.get(key) is not None]
    return wanted(changes, at_start=True)
