"""What a client may have done, in one table. RTVI 0.x asks by `action`, newer clients by `client-message` with a `t` of
"service:action"."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtvi_local.pipeline.context import Message
from rtvi_local.pipeline.controls import Controls
from rtvi_local.pipeline.options import OptionError, chat_messages
from rtvi_local.rtvi.messages.legacy import (
    Action,
    ActionResponse,
    ActionsAvailable,
    DescribeActions,
    DescribedAction,
    DescribedArgument,
)
from rtvi_local.rtvi.session import RtviSession

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """An action. `arguments` are names and types; none is required here, `do` says what it cannot do without."""

    service: str
    action: str
    help: str
    result: str
    do: Callable[[Controls, Callable[[], list[Message]], Arguments], Any]
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.service}:{self.action}"


_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "number": (int, float),
}


def _get(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> dict[str, Any]:
    held, tools = messages(), [tool.to_openai() for tool in controls.tools()]
    first, count = int(given.get("first", 0)), int(given.get("count", len(held)))
    if first < 0 or count < 0:
        raise OptionError("`first` and `count` are 0 or more.")
    return {"messages": held[first : first + count], "total": len(held), **({"tools": tools} if tools else {})}


def _set(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages
    run = given.get("run_immediately", given.get("interrupt", False))
    controls.set(chat_messages(given.get("messages")), run_immediately=run)
    return True


def _append(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages
    added = given["messages"] if "messages" in given else [{"role": given.get("role"), "content": given.get("content")}]
    controls.append(chat_messages(added), run_immediately=given.get("run_immediately", False))
    return True


def _run(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages
    controls.run(interrupt=given.get("interrupt", True))
    return True


def _clear(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages, given
    controls.clear()
    return True


def _say(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages
    text = given.get("text", "")
    if not text.strip():
        raise OptionError("tts:say needs a `text`.")
    controls.say(text, interrupt=given.get("interrupt", False))
    return True


def _interrupt(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages, given
    controls.interrupt()
    return True


def _press(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages, given
    controls.button.press()
    return True


def _release(controls: Controls, messages: Callable[[], list[Message]], given: Arguments) -> bool:
    del messages, given
    controls.button.release()
    return True


_PART = {"first": "number", "count": "number"}
_NEW = {"messages": "array", "role": "string", "content": "string", "run_immediately": "bool"}

ACTIONS: Mapping[str, Known] = {
    known.name: known
    for known in (
        Known("llm", "get_context", "the messages that the model knows", "object", _get, _PART),
        Known("llm", "set_context", "hold these messages instead; `interrupt` has the model answer them now", "bool", _set,
              {"messages": "array", "interrupt": "bool", "run_immediately": "bool"}),
        Known("llm", "append_to_messages", "add messages; `run_immediately` has the model answer them now", "bool", _append,
              _NEW),
        Known("llm", "run", "have the model go on from what it knows; unless `interrupt` is false, at once", "bool", _run,
              {"interrupt": "bool"}),
        Known("tts", "say", "speak this text, after what is being said or, with `interrupt`, instead of it", "bool", _say,
              {"text": "string", "interrupt": "bool"}),
        Known("tts", "interrupt", "stop speaking", "bool", _interrupt),
        Known("talk", "press", "hear what is said until talk:release, instead of what is being said", "bool", _press),
        Known("talk", "release", "what was said since talk:press is the whole of it: answer", "bool", _release),
        Known("context", "get", "as llm:get_context; `first` and `count` give a part of it", "object", _get, _PART),
        Known("context", "set", "as llm:set_context", "bool", _set, {"messages": "array", "run_immediately": "bool"}),
        Known("context", "append", "as llm:append_to_messages", "bool", _append, _NEW),
        Known("context", "run", "as llm:run", "bool", _run, {"interrupt": "bool"}),
        Known("context", "clear", "forget everything but the system prompt", "bool", _clear),
    )
}  # fmt: skip
"""By "service:action"."""


def described() -> list[DescribedAction]:
    return [
        DescribedAction(
            known.service,
            known.action,
            [DescribedArgument(name, of) for name, of in known.arguments.items()],
            known.result,
            known.help,
        )
        for known in ACTIONS.values()
    ]


def wants_answer(action: object) -> bool:
    """Whether the bot speaks because of this: an `action` message's data, not checked yet."""
    data = action if isinstance(action, dict) else {}
    given = data.get("arguments")
    arguments = given if isinstance(given, list) else []
    flags = {each.get("name"): each.get("value") for each in arguments if isinstance(each, dict)}
    if data.get("action") in ("run", "say"):
        return True
    return flags.get("run_immediately") is True or (data.get("action") == "set_context" and flags.get("interrupt") is True)


class Actions:
    """Answers one client's actions."""

    def __init__(self, session: RtviSession, controls: Controls, messages: Callable[[], list[Message]]) -> None:
        self._session = session
        self._controls = controls
        self._messages = messages
        session.on(DescribeActions, lambda _, id: session.send(ActionsAvailable(described()), id))
        session.on(Action, self._action)
        for name in ACTIONS:
            session.on_request(name, functools.partial(self._do, name))

    def _action(self, message: Action, id: str | None) -> None:
        name = f"{message.service}:{message.action}"
        result = self._do(name, {argument.name: argument.value for argument in message.arguments or ()})
        self._session.send(ActionResponse(result), id)

    def _do(self, name: str, given: Any) -> Any:
        known = ACTIONS.get(name)
        if known is None:
            raise OptionError(f"Action {name[:100]} not registered. Registered: {', '.join(ACTIONS)}.")
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise OptionError(f"{name} takes an object with {', '.join(known.arguments) or 'nothing in it'}.")
        given = {key: value for key, value in given.items() if value is not None}
        for key, value in given.items():
            kind = known.arguments.get(key)
            if kind is None:
                raise OptionError(f"{name} has no argument {str(key)[:60]!r}; it takes {', '.join(known.arguments) or 'none'}.")
            of = _TYPES[kind]
            if not isinstance(value, of) or (isinstance(value, bool) and kind == "number"):
                raise OptionError(f"{name}: `{key}` must be of type {kind}.")
        return known.do(self._controls, self._messages, given)
