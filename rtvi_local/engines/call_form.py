"""How a model writes a call of a tool, as its own chat template shows it. Pure."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

from rtvi_local.engines.chat_template import ChatTemplate
from rtvi_local.engines.interfaces import EngineError, Message

_NAME, _KEY = "the_name_of_it", "the_key_of_it"


@dataclass(frozen=True, slots=True)
class CallForm:
    """A call is `lead`, the tool's name, `middle`, the arguments as JSON, `end`. Another may follow: `next` and its name."""

    lead: str
    middle: str
    end: str
    next: str


HERMES = CallForm('<tool_call>\n{"name": "', '", "arguments": ', "}\n</tool_call>", '\n<tool_call>\n{"name": "')
"""What most small models were trained on, Qwen's among them."""


def call_form(template: ChatTemplate) -> CallForm:
    """Found by having the template write two calls; where it cannot, or writes them in a way without such parts, HERMES."""
    asked: list[Message] = [{"role": "user", "content": "?"}]
    tools = [{"type": "function", "function": {"name": _NAME, "description": "", "parameters": {"type": "object"}}}]
    try:
        before = template.render(asked, tools=tools, to_reply=True)
        one, two = (template.render([*asked, _calling(count)], tools=tools, to_reply=False) for count in (1, 2))
    except EngineError:
        return HERMES
    if not one.startswith(before) or not two.startswith(before):
        return HERMES
    lead, name, rest = two[len(before) :].partition(_NAME)
    middle, first, rest = rest.partition(_arguments(1))
    between, second, _ = rest.partition(_NAME)
    behind_last = one.rpartition(_arguments(1))[2]
    end = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(between, behind_last, strict=False)))
    return CallForm(lead, middle, end, between[len(end) :]) if name and first and second else HERMES


def _calling(count: int) -> Message:
    """A message with so many calls; the argument of each is its number."""
    calls = [
        {"id": f"callcall{number}", "type": "function", "function": {"name": _NAME, "arguments": {_KEY: number}}}
        for number in range(1, count + 1)
    ]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _arguments(number: int) -> str:
    return json.dumps({_KEY: number})
