"""Tools for models whose chat template knows of none: told in the system message, calls and results as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rtvi_local.engines.interfaces import Message

_SECTION = """You may call these functions:
{tools}
To call one, write nothing but:
<tool_call>
{{"name": "its name", "arguments": {{}}}}
</tool_call>"""


def with_tools_as_text(messages: Sequence[Message], tools: Sequence[Mapping[str, object]]) -> list[Message]:
    """The same conversation in messages of the system, the user and the assistant alone."""
    plain = [_plain(message) for message in messages]
    if not tools:
        return plain
    section = _SECTION.format(tools="\n".join(json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools))
    if plain and plain[0].get("role") == "system":
        return [{**plain[0], "content": f"{plain[0].get('content')}\n\n{section}"}, *plain[1:]]
    return [{"role": "system", "content": section}, *plain]


def _plain(message: Message) -> Message:
    if message.get("role") == "tool":
        return {"role": "user", "content": f"<tool_response>\n{message.get('content')}\n</tool_response>"}
    calls: Any = message.get("tool_calls")
    if not calls:
        return message
    written = "\n".join(f"<tool_call>\n{_written(call)}\n</tool_call>" for call in calls)
    return {"role": message["role"], "content": f"{message.get('content') or ''}\n{written}".strip()}


def _written(call: Any) -> str:
    function = call.get("function", {})
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'{{"name": {json.dumps(function.get("name"))}, "arguments": {text}}}'
