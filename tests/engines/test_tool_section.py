"""Tools for templates that know of none."""

from __future__ import annotations

from rtvi_local.engines.chat_template import CHATML, ChatTemplate
from rtvi_local.engines.interfaces import Message

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": {"location": "Rome"}}}
TALK: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is it warm in Rome?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "content": "18 degrees"},
]


def test_a_template_without_tools_tells_of_them_all_the_same() -> None:
    text = ChatTemplate(CHATML, model_name="m").render(TALK, tools=[TOOL], to_reply=True)
    assert text.startswith("<|im_start|>system\nBe brief.\n\nYou may call these functions:\n" + '{"name": "get_weather"')
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"location": "Rome"}}\n</tool_call>' in text
    assert "<|im_start|>user\n<tool_response>\n18 degrees\n</tool_response><|im_end|>" in text


def test_without_a_system_message_the_tools_make_one() -> None:
    text = ChatTemplate(CHATML, model_name="m").render(TALK[1:2], tools=[TOOL], to_reply=True)
    assert text.startswith("<|im_start|>system\nYou may call")


def test_without_tools_nothing_changes() -> None:
    text = ChatTemplate(CHATML, model_name="m").render(TALK[:2], to_reply=True)
    assert "functions" not in text


def test_a_template_that_knows_tools_does_it_its_own_way() -> None:
    source = (
        "{% for tool in tools or [] %}[{{ tool.function.name }}]{% endfor %}"
        "{% for m in messages %}{{ m.role }}:{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls else '' }};{% endfor %}"
    )
    text = ChatTemplate(source, model_name="m").render(TALK, tools=[TOOL], to_reply=True)
    assert text.startswith("[get_weather]system:Be brief.;")
    assert "tool:18 degrees;" in text
