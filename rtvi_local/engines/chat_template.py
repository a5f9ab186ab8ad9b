"""The chat template of a model file, rendered where it can do no harm.

A template comes with a model from a stranger and is a program: it gets Jinja's immutable sandbox, a budget for loops, strings
and output, and nothing of this process. That bounds what an honest or a clumsy template costs; it is no defence against one
made to burn time in nested loops over its own text, which the models' hashes are for.

Jinja is set up as Hugging Face's `apply_chat_template` does it (trim_blocks, lstrip_blocks, loop controls, tojson without HTML
escaping, raise_exception, strftime_now), because templates are written for that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2
import jinja2.exceptions
import jinja2.sandbox

from rtvi_local.engines.interfaces import EngineError, Message
from rtvi_local.engines.tool_section import with_tools_as_text

Tool = Mapping[str, object]
"""A function the model may call, in the OpenAI form: {"type": "function", "function": {…}}."""

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""For files without a template: the form most of them were trained on."""

MAX_SOURCE_CHARACTERS = 100_000
MAX_OUTPUT_CHARACTERS = 2_000_000
MAX_STRING_CHARACTERS = 1_000_000
MAX_RANGE_ITEMS = 20_000
MAX_RENDER_S = 2.0


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Jinja's sandbox bounds `range` only: `'x' * 10**10` would take all memory."""
        if operator == "**" and not (isinstance(right, int) and 0 <= right <= 64 and abs(left) <= 1_000_000):
            raise jinja2.exceptions.SecurityError("a power that is too large")
        if operator == "*" and not all(isinstance(side, (int, float)) for side in (left, right)):
            length = max(len(side) for side in (left, right) if not isinstance(side, (int, float)))
            count = min(side for side in (left, right) if isinstance(side, int))
            if length * count > MAX_STRING_CHARACTERS:
                raise jinja2.exceptions.SecurityError("a string that is too long")
        if operator == "%" and isinstance(left, str):
            raise jinja2.exceptions.SecurityError("formatting with % is not allowed")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, (str, list, tuple)) and len(result) > MAX_STRING_CHARACTERS:
            raise jinja2.exceptions.SecurityError("a string that is too long")
        return result

    def wrap_str_format(self, value: Any) -> None:
        """Jinja would allow a safe `str.format`, and with it `'{:10000000000}'`; so it comes under `is_safe_attribute`."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        padding = {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map"}
        if isinstance(obj, (str, bytes)) and attr in padding:
            return False
        return super().is_safe_attribute(obj, attr, value)


class ChatTemplate:
    """Messages to the model's own text. Raises EngineError if the template is broken or refuses the messages."""

    def __init__(self, source: str | None, *, model_name: str, bos_token: str = "", eos_token: str = "") -> None:
        self._model_name = model_name
        source = source or CHATML
        if len(source) > MAX_SOURCE_CHARACTERS:
            raise self._error("it is longer than any real one")
        environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        environment.filters["tojson"] = _to_json
        for name in ("center", "format", "pprint", "random", "urlize"):
            del environment.filters[name]
        environment.globals = {
            "namespace": environment.globals["namespace"],
            "dict": dict,
            "raise_exception": _raise_exception,
            "strftime_now": lambda form: datetime.now().strftime(form),
            "bos_token": bos_token,
            "eos_token": eos_token,
        }
        try:
            self._template = environment.from_string(source)
        except (jinja2.TemplateError, RecursionError) as error:
            raise self._error(str(error)) from error
        self._takes_system_messages = self._try_system_message()
        self._knows_tools = self._try_tool()

    def render(self, messages: Sequence[Message], *, tools: Sequence[Tool] | None = None, to_reply: bool) -> str:
        """The text of `messages`; with `to_reply`, followed by what makes the model answer."""
        if not self._knows_tools:
            messages, tools = with_tools_as_text(messages, tools or ()), None
        if not self._takes_system_messages:
            messages = _without_system_message(messages)
        return self._render(messages, tools, to_reply)

    def _render(self, messages: Sequence[Message], tools: Sequence[Tool] | None, to_reply: bool) -> str:
        pieces: list[str] = []
        length, until_s = 0, time.monotonic() + MAX_RENDER_S
        try:
            for piece in self._template.generate(
                messages=list(messages),
                tools=list(tools) if tools else None,
                add_generation_prompt=to_reply,
                range=_bounded_range(),
            ):
                pieces.append(piece)
                length += len(piece)
                if length > MAX_OUTPUT_CHARACTERS or time.monotonic() > until_s:
                    raise jinja2.exceptions.SecurityError("its output does not end")
        except (
            jinja2.TemplateError,
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            raise self._error(str(error)) from error
        return "".join(pieces)

    def _try_system_message(self) -> bool:
        """Some templates (Gemma's) refuse the role "system"; what it says then goes to the head of the first user message."""
        try:
            marked = self._render([{"role": "system", "content": "?"}, {"role": "user", "content": "!"}], None, True)
        except EngineError:
            self._render([{"role": "user", "content": "!"}], None, True)
            return False
        return "?" in marked

    def _try_tool(self) -> bool:
        """Whether the template tells the model of tools, and of what came of them."""
        function = {"name": "the_tool", "description": "", "parameters": {"type": "object", "properties": {}}}
        call = {"id": "callcall0", "type": "function", "function": {"name": "the_tool", "arguments": {"the_key": 1}}}
        messages: list[Message] = [
            {"role": "user", "content": "!"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "callcall0", "name": "the_tool", "content": "the_result"},
        ]
        try:
            told = self._render(messages[:1], [{"type": "function", "function": function}], True)
            done = self._render(messages, [{"type": "function", "function": function}], True)
        except EngineError:
            return False
        return "the_tool" in told and "the_key" in done and "the_result" in done

    def _error(self, reason: str) -> EngineError:
        return EngineError(
            f"{self._model_name}: the chat template in the model file failed ({reason}). Use another model file."
        )


def _without_system_message(messages: Sequence[Message]) -> Sequence[Message]:
    if not messages or messages[0].get("role") != "system":
        return messages
    count = next((i for i, message in enumerate(messages) if message.get("role") != "system"), len(messages))
    system = {**messages[0], "content": "\n\n".join(str(message.get("content")) for message in messages[:count])}
    rest = list(messages[count:])
    if rest and rest[0].get("role") == "user":
        rest[0] = {**rest[0], "content": f"{system.get('content')}\n\n{rest[0].get('content')}"}
        return rest
    return [{**system, "role": "user"}, *rest]


def _bounded_range() -> Any:
    """A `range` whose calls within one rendering share a budget, so that nested loops cannot multiply."""
    left = MAX_RANGE_ITEMS

    def bounded(*arguments: int) -> range:
        nonlocal left
        items = range(*arguments)
        left -= len(items)
        if left < 0:
            raise jinja2.exceptions.SecurityError("loops that are too long")
        return items

    return bounded


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _to_json(value: object, ensure_ascii: bool = False, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=None if indent is None else min(indent, 8))
