"""What a setting is, and which values it takes: pure functions over what `config` declares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Union, get_type_hints

from rtvi_local.config import Config
from rtvi_local.config_forms import Form

Value = Union[str, int, float, bool, tuple[str, ...]]

_KINDS: dict[object, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


class Refused(Exception):
    """A value that this setting does not take. The text says what it does take."""


@dataclass(frozen=True, slots=True)
class Setting:
    section: str
    key: str
    kind: object
    """str, int, float, bool or tuple[str, ...]."""
    default: Value
    help: str
    unit: str
    least: float | None
    most: float | None
    choices: tuple[str, ...]
    form: Form | None = None
    secret: bool = False

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def allowed(self) -> str:
        """What it takes, in words: for messages and the documentation."""
        if self.choices:
            return " or ".join([", ".join(self.choices[:-1]), self.choices[-1]])
        if self.form:
            return self.form.words
        kind = _KINDS.get(self.kind, "a list of texts")
        if self.least is not None and self.most is not None:
            return f"{kind} from {self.least:g} to {self.most:g}"
        if self.least is not None:
            return f"{kind}, at least {self.least:g}"
        return f"{kind}, at most {self.most:g}" if self.most is not None else kind


def _declared() -> Iterator[Setting]:
    defaults = Config()
    for section, kind in get_type_hints(Config).items():
        hints = get_type_hints(kind)
        for field in fields(kind):
            default = getattr(getattr(defaults, section), field.name)
            yield Setting(section, field.name, hints[field.name], default, **field.metadata)


SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _declared()}
"""Every setting by `section.key`, in the order in which they are declared."""


def from_toml(setting: Setting, value: object) -> Value:
    """The value as the setting's type. Raises Refused."""
    if setting.kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return _possible(setting, number)
    if setting.kind is int and isinstance(value, int) and not isinstance(value, bool):
        return _possible(setting, value)
    if (setting.kind is bool and isinstance(value, bool)) or (setting.kind is str and isinstance(value, str)):
        return _possible(setting, value)
    if setting.kind == tuple[str, ...] and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return _possible(setting, tuple(value))
    raise _refusal(setting, value)


def from_text(setting: Setting, text: str) -> Value:
    """The value that a variable or a flag spells; lists are separated by commas. Raises Refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(f"{setting.name} is not UTF-8 text") from None
    if setting.kind is str:
        return _possible(setting, text)
    if setting.kind == tuple[str, ...]:
        return _possible(setting, tuple(item.strip() for item in text.split(",") if item.strip()))
    if setting.kind is bool:
        if text.lower() not in _TRUE + _FALSE:
            raise _refusal(setting, text)
        return text.lower() in _TRUE
    try:
        number = int(text) if setting.kind is int else float(text)
    except ValueError:
        raise _refusal(setting, text) from None
    return from_toml(setting, number)


def contradictions(values: Mapping[str, Value]) -> Iterator[tuple[tuple[str, str], str]]:
    """Settings that are each possible but not together: their names and what is wrong."""
    for lower, upper in (("turns.wait_complete_ms", "turns.wait_incomplete_ms"), ("llm.max_tokens", "llm.context_tokens")):
        value, most = values[lower], values[upper]
        if isinstance(value, int) and isinstance(most, int) and value > most:
            yield (lower, upper), f"{lower} is {value}; it may be at most {upper}, which is {most}"
    servers = values["webrtc.ice_servers"]
    if isinstance(servers, tuple) and any(url.startswith("turn") for url in servers):
        for name in ("webrtc.turn_username", "webrtc.turn_credential"):
            if not values[name]:
                yield ("webrtc.ice_servers", name), f"webrtc.ice_servers has a TURN server, which needs {name}"


def build(values: Mapping[str, Value]) -> Config:
    """The Config that has these values (one for every setting)."""
    sections: dict[str, Any] = {}
    for section, kind in get_type_hints(Config).items():
        sections[section] = kind(**{field.name: values[f"{section}.{field.name}"] for field in fields(kind)})
    return Config(**sections)


def values_of(config: Config) -> dict[str, Value]:
    """The reverse of `build`."""
    return {name: getattr(getattr(config, setting.section), setting.key) for name, setting in SETTINGS.items()}


def _possible(setting: Setting, value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        raise _refusal(setting, value)
    too_small = setting.least is not None and isinstance(value, (int, float)) and value < setting.least
    too_large = setting.most is not None and isinstance(value, (int, float)) and value > setting.most
    if too_small or too_large or (setting.choices and value not in setting.choices):
        raise _refusal(setting, value)
    if setting.form is not None:
        for text in value if isinstance(value, tuple) else (str(value),):
            if not setting.form.fits(text):
                raise _refusal(setting, text)
    return value


def _refusal(setting: Setting, value: object) -> Refused:
    kind = "a text" if setting.kind is str else setting.allowed
    shown = f"not {kind}" if setting.secret else repr(value)
    hint = ""
    if setting.choices and isinstance(value, str):
        import difflib  # only when something is wrong

        near = difflib.get_close_matches(value, setting.choices, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
    short = shown if len(shown) <= 60 else f"{shown[:57]}…"
    return Refused(f"{setting.name} is {short}; allowed is {setting.allowed}{hint}")
