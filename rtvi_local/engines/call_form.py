"""How a model writes a call of a tool, as its own chat template shows it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from rtvi_local.engines.chat_template import ChatTemplate
from rtvi_local.engines.interfaces import EngineError, Message

_NAME, _KEY, _VALUE = "the_name_of_it", "the_key_of_it", "the_value_of_it"


@dataclass(frozen=True, slots=True)
class CallForm:
    """A call is `lead`, the tool's name, `middle`, the arguments as JSON, `end`."""

    lead: str
    middle: str
    end: str


HERMES = CallForm('<tool_call>\n{"name": "', '", "arguments": ', "}\n</tool_call>")
"""What most small models were trained on, Qwen's among them."""


def call_form(template: ChatTemplate) -> CallForm:
    """Found by having the template write a call; where it cannot, or writes it in a way that has no such parts, HERMES."""
    asked: list[Message] = [{"role": "user", "content": "?"}]
    function = {"name": _NAME, "arguments": {_KEY: _VALUE}}
    called: Message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "a", "type": "function", "function": function}],
    }
    tools = [{"type": "function", "function": {"name": _NAME, "description": "", "parameters": {"type": "object"}}}]
    try:
        before = template.render(asked, tools=tools, to_reply=True)
        after = template.render([*asked, called], tools=tools, to_reply=False)
    except EngineError:
        return HERMES
    if not after.startswith(before):
        return HERMES
    lead, name, rest = after[len(before) :].partition(_NAME)
    arguments = json.dumps({_KEY: _VALUE})
    middle, found, end = rest.partition(arguments)
    if not name or not found:
        return HERMES
    return CallForm(lead, middle, end.partition("<|")[0].rstrip("\n") if "<|" in end else end)
