import pytest

from rtvi_local.engines.chat_template import ChatTemplate
from rtvi_local.engines.interfaces import EngineError, Message

HELLO: list[Message] = [{"role": "user", "content": "hello"}]


def template(source: str | None) -> ChatTemplate:
    return ChatTemplate(source, model_name="some-model", bos_token="<s>", eos_token="</s>")


def test_a_file_without_a_template_gets_chatml() -> None:
    text = template(None).render([{"role": "system", "content": "Be brief."}, *HELLO], to_reply=True)
    assert text == ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__.__base__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ raise_exception.__globals__.sys }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'content': 'x'}) }}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'x'.ljust(10 ** 10) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% if %}",
        "x" * 200_000,
    ],
)
def test_a_template_that_reaches_out_or_does_not_end_is_refused_in_words(source: str) -> None:
    with pytest.raises(EngineError, match=r"some-model: the chat template .*Use another model file"):
        template(source).render(HELLO, to_reply=True)


def test_tools_are_rendered_as_json_without_html_escapes() -> None:
    source = "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{{ messages[0].content }}"
    tool = {"type": "function", "function": {"name": "say", "description": "<é>"}}
    assert '"description": "<é>"' in template(source).render(HELLO, tools=[tool], to_reply=True)


def test_a_template_that_refuses_system_messages_gets_them_in_the_first_user_message() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m.role }}: {{ m.content }}]{% endfor %}"
    )
    messages: list[Message] = [{"role": "system", "content": "Be brief."}, *HELLO]
    assert template(source).render(messages, to_reply=True) == "[user: Be brief.\n\nhello]"
    assert messages[1] == {"role": "user", "content": "hello"}


def test_what_hugging_face_gives_a_template_is_there() -> None:
    source = (
        "{{ bos_token }}{{ strftime_now('%Y') | length }}"
        "{% for m in messages %}\n"
        "    {%- if m.role == 'system' %}{% continue %}{% endif %}{{ m.content }}{% break %}{% endfor %}"
    )
    assert template(source).render(HELLO, to_reply=True) == "<s>4hello"
