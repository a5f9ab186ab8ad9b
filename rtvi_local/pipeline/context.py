"""What a conversation remembers: the system prompt, and what each side said and heard. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from rtvi_local.images.content import joined, parts
from rtvi_local.pipeline.frames import ToolCall

Message = dict[str, object]


SUMMARY = "What was said before, in short: "
"""How a summary's system message begins."""


class Context:
    """Messages in the OpenAI chat form, oldest first; a system message, if there is one, comes first and stays."""

    def __init__(self, system_prompt: str = "") -> None:
        self.messages: list[Message] = [{"role": "system", "content": system_prompt}] if system_prompt else []

    @property
    def system_prompt(self) -> str:
        return str(self.messages[0]["content"]) if self._has_prompt else ""

    @system_prompt.setter
    def system_prompt(self, text: str) -> None:
        self.messages[: int(self._has_prompt)] = [{"role": "system", "content": text}] if text else []

    @property
    def _has_prompt(self) -> bool:
        if not self.messages or self.messages[0]["role"] != "system":
            return False
        return not str(self.messages[0]["content"]).startswith(SUMMARY)

    def set(self, messages: Sequence[Message]) -> None:
        """Hold these instead. Unless they bring one, the system prompt stays."""
        prompt = self.messages[:1] if self._has_prompt and not (messages and messages[0]["role"] == "system") else []
        self.messages = [*prompt, *messages]

    def clear(self) -> None:
        """Forget everything but the system prompt."""
        self.set(())

    def condense(self, summary: str, covered: Sequence[Message]) -> bool:
        """Put a summary in the place of the messages that it covers, behind the system prompt. False, and nothing is changed,
        if the context does not begin with them any more."""
        start = int(self._has_prompt)
        stop = start + len(covered)
        if self.messages[start:stop] != list(covered):
            return False
        self.messages[start:stop] = [{"role": "system", "content": f"{SUMMARY}{summary}"}]
        return True

    def with_user(self, text: str) -> list[Message]:
        """The messages as they would be if the person said `text` now.

        What they said before without getting an answer (they were cut off, or went on) is part of the same message: chat
        templates expect the two sides to alternate.
        """
        return self._with_user(text)

    def _with_user(self, content: object) -> list[Message]:
        if self.messages and self.messages[-1]["role"] == "user":
            return [*self.messages[:-1], {"role": "user", "content": joined(self.messages[-1]["content"], content)}]
        return [*self.messages, {"role": "user", "content": content}]

    def add_user(self, text: str) -> None:
        self.messages = self.with_user(text)

    def append(self, role: str, content: object) -> None:
        if role == "user" and (isinstance(content, str) or parts(content) is not None):
            self.messages = self._with_user(content)
        else:
            self.messages.append({"role": role, "content": content})


def tool_messages(done: Sequence[tuple[ToolCall, object]], text: str = "") -> list[Message]:
    """Calls that were made together and the contents of their results, as messages in the OpenAI form. `text` is what was said
    before them."""
    if not done:
        return []
    calls = [
        {
            "id": call.call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
        }
        for call, _ in done
    ]
    results: list[Message] = [
        {"role": "tool", "tool_call_id": call.call_id, "name": call.name, "content": content} for call, content in done
    ]
    return [{"role": "assistant", "content": text, "tool_calls": calls}, *results]


def characters_of(messages: Sequence[Message]) -> int:
    """At least as many as the model has tokens to read, but for what its template adds."""
    return sum(len(str(message.get("content"))) + len(str(message.get("tool_calls") or "")) for message in messages)


def oldest_turns(messages: Sequence[Message], keep: int) -> list[Message]:
    """What a summary shall cover: everything behind the system prompt, an earlier summary too, but for the last `keep` messages
    and what belongs to them. It ends where the person speaks, so that a tool's call and its result stay together."""
    start = 1 if messages and messages[0]["role"] == "system" and not str(messages[0]["content"]).startswith(SUMMARY) else 0
    stop = len(messages) - keep
    while start < stop < len(messages) and messages[stop]["role"] != "user":
        stop -= 1
    return list(messages[start : max(start, stop)])


def fitted(messages: Sequence[Message], budget_tokens: int, count: Callable[[Sequence[Message]], int]) -> list[Message]:
    """The messages without as many of the oldest turns as it takes to fit; system messages and the last message stay."""
    kept = list(messages)
    while len(kept) > 1 and count(kept) > budget_tokens:
        oldest = next((i for i, message in enumerate(kept[:-1]) if message["role"] != "system"), None)
        if oldest is None:
            break
        del kept[oldest]
        # A conversation does not begin with an answer, nor with a tool's result whose call is gone.
        while oldest < len(kept) - 1 and kept[oldest]["role"] in ("assistant", "tool"):
            del kept[oldest]
    return kept
