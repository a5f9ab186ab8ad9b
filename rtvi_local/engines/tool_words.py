"""What tools found out, told to the model in words, for the answer that it speaks. Pure.

The chat template's own way is right where the model shall call: there it reads tools, calls and results as it was trained to.
But a small model that has calls before its eyes goes on writing calls, and one that is asked the question again answers "yes"
and forgets what was found out. So for the answer there are no calls to be seen, the result stands in the newest message, and
two examples show what is wanted. Of eleven ways that were tried on a model of 0.5B, only this one's answers held every number
and word of the results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rtvi_local.engines.interfaces import Message

_EXAMPLES: tuple[Message, ...] = (
    {"role": "user", "content": "Tell me what get_time found out (city: Oslo): 22:42, Monday"},
    {"role": "assistant", "content": "In Oslo it is 22:42 on Monday."},
    {"role": "user", "content": "Tell me what open_door found out (door: garage): The door is open now."},
    {"role": "assistant", "content": "The door is open now."},
)


def in_words(messages: Sequence[Message]) -> list[Message]:
    """The same conversation without calls. What the newest results say is to be told; older ones, which have been, stand with
    the words that asked for them."""
    arguments = {str(call.get("id")): call.get("function", {}).get("arguments") for m in messages for call in _calls(m)}
    newest = len(messages)
    while newest and messages[newest - 1].get("role") == "tool":
        newest -= 1
    plain: list[Message] = []
    for message in messages[:newest]:
        if message.get("role") == "tool":
            _add(plain, f"({message.get('name') or 'a tool'} found out: {_text(message.get('content'))})")
        elif not _calls(message):
            plain.append(message)
        elif message.get("content"):
            plain.append({"role": "assistant", "content": message["content"]})
    return [*plain, *_to_be_told(messages[newest:], arguments)] if messages[newest:] else plain


def _to_be_told(results: Sequence[Message], arguments: Mapping[str, object]) -> list[Message]:
    pictures = [
        part for each in results if isinstance(each.get("content"), list) for part in _parts(each) if "text" not in part
    ]
    found = "\n".join(
        f"Tell me what {each.get('name') or 'the tool'} found out{_given(arguments.get(str(each.get('tool_call_id'))))}: "
        f"{_text(each.get('content'))}"
        for each in results
    )
    wait: Message = {"role": "assistant", "content": "One moment, please."}
    if pictures:
        return [wait, {"role": "user", "content": [{"type": "text", "text": "This is the picture."}, *pictures]}]
    return [wait, *_EXAMPLES, {"role": "user", "content": found}]


def _given(arguments: object) -> str:
    """`{"location": "Oslo"}` as " (location: Oslo)"."""
    try:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return ""
    if not isinstance(given, Mapping) or not given:
        return ""
    return f" ({', '.join(f'{key}: {value}' for key, value in given.items())})"


def _add(plain: list[Message], text: str) -> None:
    """Put text behind the newest message, if that is the person's."""
    if plain and plain[-1].get("role") == "user" and isinstance(plain[-1].get("content"), str):
        plain[-1] = {**plain[-1], "content": f"{plain[-1]['content']}\n{text}"}


def _calls(message: Message) -> list[Any]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, (list, tuple)) else []


def _parts(message: Message) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    return str(content).strip()
