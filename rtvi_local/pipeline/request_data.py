"""What a client asks for when it asks for a conversation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtvi_local.pipeline.options import Change, Wanted, from_short_form, services, wanted

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
