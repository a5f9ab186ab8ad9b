"""Calls that a model writes into its text instead of making them, found while the text streams. Pure.

Small models know several ways to write a call, and mix them: `{"name": …, "arguments": {…}}` bare, as a list, inside
`<tool_call>` tags, inside a code fence. None of it may ever be spoken, so text that could yet become one is held back until it
is clear; what turns out to be none comes out as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from rtvi_local.tools.tool import WrittenCall

_MOST_HELD_CHARS = 4000
"""A call is shorter. What is longer and unfinished is given up: it is dropped, for it began as one."""
_WRAPPERS = re.compile(r"\s*(?:</?tool_calls?>|</?function_calls?>|<\|python_tag\|>|\[TOOL_CALLS\]|```(?:json|python|\w*\n)?)")
_BEGINS = ("<tool_call>", "</tool_call>", "<tool_calls>", "</tool_calls>", "<function_call>", "</function_call>",
           "<|python_tag|>", "[TOOL_CALLS]", "```")  # fmt: skip
_OPEN_FENCE = re.compile(r"\s*```\w*")
_JSON_BEGINS = re.compile(r"[{\[]")
_KEYS = ("name", "function", "tool", "type", "tool_name", "function_name")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "tool_input")


class CallsInText:
    """Feed it text with `push` and end with `flush`; both give text to be spoken and calls, in order."""

    def __init__(self, names: Collection[str]) -> None:
        """`names` of the tools that there are: only what names one of them is a call."""
        self._names = frozenset(names)
        self._held = ""
        self._after_call = False

    def push(self, text: str) -> list[str | WrittenCall]:
        if not self._names:
            return [text] if text else []
        self._held += text
        return self._take(final=False)

    def flush(self) -> list[str | WrittenCall]:
        """The text is over."""
        return self._take(final=True)

    def _take(self, *, final: bool) -> list[str | WrittenCall]:
        found: list[str | WrittenCall] = []
        while self._held:
            if self._after_call:
                # The line's end behind a call, or behind the tag that closes it, is part of neither.
                self._held = self._held.lstrip()
            start = self._start()
            if start > 0:
                self._after_call = False
                found.append(self._held[:start])
                self._held = self._held[start:]
                continue
            length, pieces = self._at_start(final=final)
            if not length:
                break
            found += pieces
            self._after_call = (bool(pieces) and not isinstance(pieces[-1], str)) or (self._after_call and not pieces)
            self._held = self._held[length:]
        return [piece for piece in found if piece != ""]

    def _start(self) -> int:
        """Where in the held text something begins that may be a call; its length if nothing does."""
        starts = [self._held.find(mark) for mark in ("{", "[")]
        for mark in _BEGINS:
            at = self._held.find(mark)
            starts.append(at if at >= 0 else _partial(self._held, mark))
        return min((start for start in starts if start >= 0), default=len(self._held))

    def _at_start(self, *, final: bool) -> tuple[int, list[str | WrittenCall]]:
        """What the held text begins with: how much of it is decided (0: more is needed), and what it comes to."""
        held = self._held
        if not final and _OPEN_FENCE.fullmatch(held):
            return 0, []
        if wrapper := _WRAPPERS.match(held):
            return self._wrapped(wrapper.end(), final=final)
        if _JSON_BEGINS.match(held):
            return self._json(0, final=final)
        # The beginning of a mark, perhaps.
        return (len(held), [held]) if final else (0, [])

    def _wrapped(self, start: int, *, final: bool) -> tuple[int, list[str | WrittenCall]]:
        rest = self._held[start:]
        if not rest.strip():
            if not final:
                return 0, []
            return len(self._held), []
        body = start + len(rest) - len(rest.lstrip())
        if _JSON_BEGINS.match(self._held, body):
            return self._json(body, final=final)
        if self._held.lstrip().startswith("```"):
            # A code fence around something else is text like any other.
            return start, [self._held[:start]]
        return start, []

    def _json(self, start: int, *, final: bool) -> tuple[int, list[str | WrittenCall]]:
        held = self._held
        if not _could_be_call(held[start:]):
            return start + 1, [held[: start + 1]]
        end = end_of_json(held, start)
        if end < 0:
            if not final and len(held) - start < _MOST_HELD_CHARS:
                return 0, []
            # Cut off in the middle of a call: not a call, and nothing that anybody should hear.
            return len(held), []
        calls = [call for value in _values(held[start:end]) if (call := self._call(value)) is not None]
        tail = _closing(held, end)
        if calls:
            if not final and _may_close(held[tail:]):
                return 0, []
            return tail, list(calls)
        if _looks_like_call(held[start:end]):
            return tail, []
        return end, [held[:end]]

    def _call(self, value: Any) -> WrittenCall | None:
        if not isinstance(value, dict):
            return None
        if isinstance(value.get("function"), dict):
            value = value["function"]
        name = next((value[key] for key in _KEYS if isinstance(value.get(key), str) and value[key] in self._names), None)
        if name is None:
            return None
        arguments: Any = next((value[key] for key in _ARGUMENTS if key in value), {})
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError:
                arguments = {}
        return WrittenCall(name, arguments if isinstance(arguments, dict) else {})


def _partial(text: str, mark: str) -> int:
    """Where the end of `text` may be the beginning of `mark`; -1 if it is not."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return len(text) - length
    return -1


_OPENING = re.compile(r'\[?\s*\{\s*"(?P<key>\w*)"?')


def _could_be_call(text: str) -> bool:
    """Whether this may yet become a call: an object whose first key is one that calls begin with."""
    compact = text.lstrip("[ \n\t")
    if not compact:
        return len(text) < 40
    if not compact.startswith("{"):
        return False
    inside = compact[1:].lstrip()
    if not inside:
        return True
    match = _OPENING.match(text)
    if match is None or not inside.startswith('"'):
        return False
    key = match["key"]
    known = (*_KEYS, *_ARGUMENTS, "id", "tool_calls")
    closed = inside[1 + len(key) :].startswith('"')
    return key in known if closed else any(name.startswith(key) for name in known) and inside[1:] == key


def _looks_like_call(text: str) -> bool:
    """Of no tool that there is, but nothing to be read aloud: it has a name and arguments."""
    return any(f'"{key}"' in text for key in _KEYS) and any(f'"{key}"' in text for key in _ARGUMENTS)


def end_of_json(text: str, start: int) -> int:
    """Behind the bracket that closes the one at `start`; -1 if it does not come."""
    depth, in_string, escaped = 0, False, False
    for at in range(start, len(text)):
        character = text[at]
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return at + 1
    return -1


def _values(text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return []
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    return value if isinstance(value, list) else [value]


_CLOSERS = ("</tool_call>", "</tool_calls>", "</function_call>", "```")


def _closing(text: str, end: int) -> int:
    """Behind the tag or fence that closes what ends at `end`."""
    rest = text[end:]
    stripped = rest.lstrip()
    for closer in _CLOSERS:
        if stripped.startswith(closer):
            return end + len(rest) - len(stripped) + len(closer)
    return end


def _may_close(rest: str) -> bool:
    """Whether a closing tag is on its way."""
    stripped = rest.strip()
    return bool(stripped) and any(closer.startswith(stripped) and closer != stripped for closer in _CLOSERS)
