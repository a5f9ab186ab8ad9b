"""What a client may change about its conversation: every option of every service, in one table. Pure.

Most options are settings of the appliance under the name of the service on the wire; a few are other ways to say the same, from
RTVI 0.x and from RTVI's founding document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rtvi_local.config import Config
from rtvi_local.config_values import SETTINGS, Refused, Setting, Value, build, contradictions, from_toml, values_of
from rtvi_local.errors import UserError
from rtvi_local.pipeline.context import Message
from rtvi_local.tools.builtin import find_builtin
from rtvi_local.tools.definitions import read_tools
from rtvi_local.tools.tool import Tool, ToolError

Kind = Literal["bool", "number", "string", "array", "object"]
Applies = Literal["now", "next turn", "at start"]

SERVICES: Mapping[str, str] = {
    "vad": "vad",
    "stt": "stt",
    "llm": "llm",
    "tts": "tts",
    "turns": "phrase_endpointing",
    "echo": "echo",
    "wake": "wake_words_gate",
    "sounds": "processing_sound_emitter",
    "tools": "tools",
    "messages": "messages",
}
"""Section of the settings → service on the wire. What these sections hold clients can change, but for:"""
_NAMES: Mapping[str, str] = {"wake.words": "trigger_words", "sounds.processing": "sound"}
"""Options that are called otherwise than the setting."""
_OF_THE_APPLIANCE = ("vad.least_treble_db", "llm.context_tokens", "tools.mcp_servers")
"""Shared by all conversations."""
_AT_START = ("vad.preroll_ms", "wake.words", "echo.ignore", "echo.cancel")
_NOW = ("vad.threshold", "vad.start_ms", "vad.stop_ms")
_SECTIONS_NOW = ("messages",)
MODELS: Mapping[str, tuple[str, str]] = {
    "models.stt": ("stt", "model"),
    "models.llm": ("llm", "model"),
    "models.tts": ("tts", "voice"),
}
"""Setting → service and option that chooses an installed model by name."""

Change = tuple[str, str, object]
"""Service, option, value."""


class OptionError(UserError):
    """A change that cannot be made. The text says which, and what can."""


@dataclass(frozen=True, slots=True)
class Option:
    service: str
    name: str
    type: Kind
    help: str
    default: Any
    read: Callable[[Config], Any]
    write: Callable[[object], Mapping[str, Value]]
    """Which settings a value means. Raises Refused."""
    applies: Applies = "next turn"
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    listed: bool = True
    """Has a value of its own; the others are further names for it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Changes that make sense, not made yet."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    messages: tuple[Message, ...] | None = None
    """What the context shall hold instead of what it holds."""
    run: bool = False
    """The model shall speak when the change is made."""
    tools: tuple[Tool, ...] | None = None
    """The client's, instead of those it had."""


def _kind_of(setting: Setting) -> Kind:
    kinds: dict[object, Kind] = {str: "string", int: "number", float: "number", bool: "bool"}
    return kinds.get(setting.kind, "array")


def _plain(name: str, service: str, option: str, applies: Applies) -> Option:
    setting = replace(SETTINGS[name], section=service, key=option)  # so that a refusal uses the client's words
    section, _, key = name.partition(".")
    return Option(
        service, option, _kind_of(setting), setting.help, setting.default,
        read=lambda config: getattr(getattr(config, section), key),
        write=lambda value: {name: from_toml(setting, value)},
        applies=applies, unit=setting.unit, least=setting.least, most=setting.most, choices=setting.choices,
    )  # fmt: skip


def _language(option: Option) -> Callable[[object], Mapping[str, Value]]:
    """Clients of RTVI 0.x write en-US where ISO 639-1 has en."""

    def write(value: object) -> Mapping[str, Value]:
        return option.write(re.split("[-_]", value)[0].lower() if isinstance(value, str) else value)

    return write


def _vad_params(value: object) -> Mapping[str, Value]:
    """As in RTVI 0.x: seconds. `min_volume` has nothing to act on here, but comes with the others and does no harm."""
    names = {"start_secs": ("vad.start_ms", 1000), "stop_secs": ("vad.stop_ms", 1000), "confidence": ("vad.threshold", 1)}
    if not isinstance(value, dict) or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value.values()):
        raise Refused("vad.params takes an object of numbers: start_secs, stop_secs, confidence, min_volume")
    unknown = set(value) - set(names) - {"min_volume"}
    if unknown:
        raise Refused(f"vad.params has no {sorted(unknown)[0]!r}: it takes start_secs, stop_secs, confidence, min_volume")
    given = [(*names[key], number) for key, number in value.items() if key in names]
    return {
        name: from_toml(SETTINGS[name], round(number * scale) if scale == 1000 else float(number))
        for name, scale, number in given
    }


def _vad_timeout(value: object) -> Mapping[str, Value]:
    setting = replace(SETTINGS["turns.wait_complete_ms"], section="phrase_endpointing", key="vad_timeout")
    silence_ms = from_toml(setting, value)
    return {"turns.wait_complete_ms": silence_ms, "turns.wait_unjudged_ms": silence_ms}


def _nothing(value: object) -> Mapping[str, Value]:
    del value
    return {}


def _table() -> Iterator[Option]:
    for name, setting in SETTINGS.items():
        if name in MODELS:
            yield replace(_plain(name, *MODELS[name], "next turn"), help="the name of an installed model")
        elif setting.section in SERVICES and name not in _OF_THE_APPLIANCE:
            at_once = name in _NOW or setting.section in _SECTIONS_NOW
            applies: Applies = "at start" if name in _AT_START else "now" if at_once else "next turn"
            option = _plain(name, SERVICES[setting.section], _NAMES.get(name, setting.key), applies)
            yield replace(option, write=_language(option)) if option.name == "language" else option
    voice = _plain("models.tts", "tts", "model", "next turn")
    yield replace(voice, help="the same as tts.voice", listed=False)
    defaults = Config()
    yield Option(
        "vad", "params", "object", "start_secs, stop_secs, confidence: start_ms, stop_ms and threshold in RTVI 0.x's form",
        _params_of(defaults), _params_of, _vad_params, "now",
    )  # fmt: skip
    yield Option(
        "phrase_endpointing", "vad_timeout", "number",
        "silence that ends a turn: wait_complete_ms and wait_unjudged_ms in one (a turn that sounds unfinished is waited for "
        "as before)", defaults.turns.wait_complete_ms, lambda config: config.turns.wait_complete_ms, _vad_timeout,
        unit="ms", least=SETTINGS["turns.wait_complete_ms"].least, most=SETTINGS["turns.wait_complete_ms"].most, listed=False,
    )  # fmt: skip
    for name in ("initial_messages", "messages"):
        yield Option(
            "llm", name, "array", "what the context holds from now on, in place of everything but the system prompt",
            [], lambda _: [], _nothing, "now", listed=False,
        )  # fmt: skip
    yield Option(
        "llm", "tools", "array", "functions that the client runs, in the OpenAI form or with an input_schema; see tools",
        [], lambda _: [], _nothing, "next turn", listed=False,
    )  # fmt: skip
    yield Option(
        "llm", "run_on_config", "bool", "the model speaks as soon as the change is made", False, lambda _: False, _nothing,
        "now", listed=False,
    )  # fmt: skip


def _params_of(config: Config) -> dict[str, float]:
    vad = config.vad
    return {"start_secs": vad.start_ms / 1000, "stop_secs": vad.stop_ms / 1000, "confidence": vad.threshold}


def _sorted(options: Iterable[Option]) -> list[Option]:
    """By service; the language model last, as RTVI 0.x recommends, since run_on_config speaks."""
    order = [service for service in SERVICES.values() if service != "llm"] + ["llm"]
    return sorted(options, key=lambda option: order.index(option.service))


OPTIONS: Mapping[tuple[str, str], Option] = {(option.service, option.name): option for option in _sorted(_table())}
"""Every option by service and name."""


def services() -> list[str]:
    return list(dict.fromkeys(service for service, _ in OPTIONS))


def find(service: str, name: str) -> Option:
    """Raises OptionError."""
    if (service, name) in OPTIONS:
        return OPTIONS[service, name]
    check_service(service)
    names = [option for of, option in OPTIONS if of == service]
    raise OptionError(f"There is no option {name[:60]!r} of {service}. Its options are: {', '.join(names)}.")


def check_service(service: str) -> None:
    """Raises OptionError if there is none of that name."""
    if service not in services():
        raise OptionError(f"There is no service {service[:60]!r}. The services are: {', '.join(services())}.")


def wanted(changes: Iterable[Change], *, at_start: bool = False) -> Wanted:
    """What the changes come to, later ones before earlier ones. Raises OptionError; then none of them must be made."""
    settings: dict[str, Value] = {}
    messages: tuple[Message, ...] | None = None
    run = False
    tools: tuple[Tool, ...] | None = None
    for service, name, value in changes:
        option = find(service, name)
        if option.applies == "at start" and not at_start:
            raise OptionError(
                f"{service}.{name} can be chosen only when a conversation begins: give it with the request to start."
            )
        try:
            settings.update(option.write(value))
        except Refused as refused:
            raise OptionError(f"{refused}.") from None
        if option.type == "bool" and not isinstance(value, bool):
            raise OptionError(f"{service}.{name} takes true or false.")
        if name in ("messages", "initial_messages"):
            messages = chat_messages(value)
        elif name == "run_on_config":
            run = value is True
        elif (service, name) == ("llm", "tools"):
            tools = client_tools(value)
    if "tools.builtin" in settings:
        builtin_tools(settings["tools.builtin"])
    return Wanted(settings, messages, run, tools)


def changed(config: Config, wanted: Wanted) -> Config:
    """The configuration with the changes. Raises OptionError where they contradict each other or what is in force."""
    values = {**values_of(config), **wanted.settings}
    complete_ms, incomplete_ms = values["turns.wait_complete_ms"], values["turns.wait_incomplete_ms"]
    if isinstance(complete_ms, int) and isinstance(incomplete_ms, int) and "turns.wait_incomplete_ms" not in wanted.settings:
        # Who asks for a longer silence does not mean that an unfinished sentence gets less of it than a finished one.
        values["turns.wait_incomplete_ms"] = max(incomplete_ms, complete_ms)
    for (lower, upper), _ in contradictions(values):
        raise OptionError(f"{_wire(lower)} is {values[lower]}; it may be at most {_wire(upper)}, which is {values[upper]}.")
    return build(values)


def _wire(setting: str) -> str:
    section, _, key = setting.partition(".")
    return f"{SERVICES[section]}.{_NAMES.get(setting, key)}"


def from_short_form(config: object) -> list[Change]:
    """`{service: {option: value}}`, as in RTVI's founding document, or RTVI 0.x's list. Raises OptionError."""
    if isinstance(config, list):
        return _from_list(config)
    if not isinstance(config, dict) or not all(isinstance(options, dict) for options in config.values()):
        raise OptionError("A configuration is {service: {option: value}}, or a list of {service, options: [{name, value}]}.")
    for service in config:
        check_service(str(service))  # also one without options
    return [(str(service), str(name), value) for service, options in config.items() for name, value in options.items()]


def _from_list(config: list[Any]) -> list[Change]:
    try:
        return [(str(of["service"]), str(each["name"]), each["value"]) for of in config for each in of["options"]]
    except (KeyError, TypeError):
        raise OptionError("Each service of a configuration is {service, options: [{name, value}]}.") from None


def client_tools(value: object) -> tuple[Tool, ...]:
    """Raises OptionError."""
    try:
        return read_tools(value)
    except ToolError as error:
        raise OptionError(str(error)) from None


def builtin_tools(names: object) -> None:
    """Raises OptionError for a name that none has."""
    try:
        for name in names if isinstance(names, tuple) else ():
            find_builtin(name)
    except ToolError as error:
        raise OptionError(str(error)) from None


def chat_messages(value: object) -> tuple[Message, ...]:
    """Messages in the OpenAI chat form, checked. Raises OptionError."""
    if not isinstance(value, (list, tuple)):
        raise OptionError("Messages are a list of {role, content}.")
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str) or not message["role"]:
            raise OptionError("A message is an object with a role (system, user, assistant) and a content.")
        if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
            raise OptionError(f"The content of a message of role {message['role'][:20]!r} must be text or a list of parts.")
    return tuple(dict(message) for message in value)
