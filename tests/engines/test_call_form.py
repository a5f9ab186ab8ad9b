"""How calls are written, by what templates show."""

from __future__ import annotations

from rtvi_local.engines.call_form import HERMES, CallForm, call_form
from rtvi_local.engines.chat_template import CHATML, ChatTemplate

MISTRAL = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}"
    "{% for m in messages %}{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]{% elif m.tool_calls %}"
    '[TOOL_CALLS][{% for c in m.tool_calls %}{"name": "{{ c.function.name }}", "arguments": '
    "{{ c.function.arguments | tojson }}}{{ ', ' if not loop.last }}{% endfor %}]"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}"
)


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, model_name="m")


def test_the_template_shows_it() -> None:
    assert call_form(template(MISTRAL)) == CallForm('[TOOL_CALLS][{"name": "', '", "arguments": ', "}", ', {"name": "')


def test_a_template_that_knows_no_calls_gets_the_form_that_most_models_know() -> None:
    assert call_form(template(CHATML)) == HERMES
    assert call_form(template("{% for m in messages %}{{ m.content }}{% endfor %}")) == HERMES
    assert call_form(template("{{ raise_exception('no calls') if messages[-1].role == 'assistant' else 'x' }}")) == HERMES
