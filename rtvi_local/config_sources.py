"""Where the values of the settings come from: defaults, one TOML file, the environment, flags; the later wins.

Every problem is found before anything is said: whoever mistyped three keys is told of three keys.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.config import Config
from rtvi_local.config_values import SETTINGS, Refused, Setting, Value, build, contradictions, from_text, from_toml
from rtvi_local.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SYSTEM_FILE = Path("/etc/rtvi-local/config.toml")
PREFIX = "RTVI_LOCAL_"
OTHER_VARIABLES = ("RTVI_LOCAL_LOG", "RTVI_LOCAL_TEST_AUDIO")
"""Variables with the prefix that are no settings of a conversation, and are read elsewhere."""

DEFAULT = "default"
"""The origin of a value that nobody gave."""


class ConfigError(UserError):
    """Some settings are unknown, of the wrong type or impossible. `problems` has one line for each, with its source."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 setting is" if len(self.problems) == 1 else f"{len(self.problems)} settings are"
        super().__init__("\n".join([f"{count} wrong:", *(f"  {problem}" for problem in self.problems)]))


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    config: Config
    origins: Mapping[str, str]
    """Where each setting's value came from, by `section.key`: "default", "FILE:LINE", a variable, a flag."""


@dataclass(frozen=True, slots=True)
class _Given:
    origin: str
    name: str
    """`section.key`, whether there is such a setting or not."""
    value: object
    is_text: bool
    """From the environment or a flag, where everything is text."""


def load_config(
    flags: Mapping[str, str], *, file: Path | None = None, environment: Mapping[str, str], system_file: Path = SYSTEM_FILE
) -> LoadedConfig:
    """The settings in force.

    `flags` maps `section.key` to the text of the flag `--key`. `file` is what `--config` named; without it the first that
    exists of `system_file` and the user's file is read, if any.

    Raises ConfigError with every problem there is, also if `file` does not exist.
    """
    problems: list[str] = []
    try:
        path = file if file is not None else _default_file(system_file)
        given = list(_from_file(path)) if path is not None else []
    except Refused as error:
        problems.append(str(error))
        given = []
    given += _from_environment(environment)
    given += [_Given(f"--{name.split('.')[1]}", name, text, True) for name, text in flags.items()]

    values: dict[str, Value] = {name: setting.default for name, setting in SETTINGS.items()}
    origins = dict.fromkeys(SETTINGS, DEFAULT)
    for item in given:
        setting = SETTINGS.get(item.name)
        if setting is None:
            problems.append(f"{item.origin}: {_unknown(item.name, item.origin)}")
            continue
        try:
            values[item.name] = from_text(setting, str(item.value)) if item.is_text else from_toml(setting, item.value)
            origins[item.name] = item.origin
        except Refused as error:
            problems.append(f"{item.origin}: {error}")
    if not problems:
        problems = [f"{_together(names, origins)}: {text}" for names, text in contradictions(values)]
    if problems:
        raise ConfigError(problems)
    return LoadedConfig(build(values), origins)


def user_file() -> Path:
    """The file that is read where the system has none, for example ~/.config/rtvi-local/config.toml on Linux."""
    import platformdirs  # a few milliseconds that `--help` need not spend

    return Path(platformdirs.user_config_dir("rtvi-local")) / "config.toml"


def variable(setting: Setting) -> str:
    """The environment variable that overrides this setting."""
    return f"{PREFIX}{setting.section}_{setting.key}".upper()


def _together(names: Sequence[str], origins: Mapping[str, str]) -> str:
    """Who to blame for values that contradict each other: the defaults alone do not."""
    return ", ".join(dict.fromkeys(origins[name] for name in names if origins[name] != DEFAULT))


def _default_file(system_file: Path) -> Path | None:
    for path in (system_file, user_file()):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise Refused(f"{path}: cannot be read: {error.strerror}") from None
        return path
    return None


def _from_file(path: Path) -> Iterator[_Given]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        tables = tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except (ValueError, RecursionError) as error:  # tomllib lets those of absurd numbers and nesting through
        raise Refused(f"{path}: is not TOML: {error}") from None
    lines = _lines(text)
    for section, table in tables.items():
        if not isinstance(table, dict):
            yield _Given(_at(path, lines.get(section)), section, table, False)
            continue
        if section not in {setting.section for setting in SETTINGS.values()}:
            yield _Given(_at(path, lines.get(f"[{section}]")), f"[{section}]", table, False)
            continue
        for key, value in table.items():
            yield _Given(_at(path, lines.get(f"{section}.{key}")), f"{section}.{key}", value, False)


def _at(path: Path, line: int | None) -> str:
    return f"{path}:{line}" if line else str(path)


def _lines(text: str) -> dict[str, int]:
    """The line of each `section.key` and `[section]` that is written in the plain way; a hint for a message, no parser."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped.strip("[]").split("]")[0].strip()
            found.setdefault(f"[{section}]", number)
        elif "=" in stripped:
            key = stripped.split("=")[0].strip().strip("\"'")
            found.setdefault(f"{section}.{key}" if section else key, number)
    return found


def _from_environment(environment: Mapping[str, str]) -> Iterator[_Given]:
    by_variable = {variable(setting): name for name, setting in SETTINGS.items()}
    for key, text in sorted(environment.items()):
        if key.startswith(PREFIX) and key not in OTHER_VARIABLES:
            yield _Given(key, by_variable.get(key, key), text, True)


def _unknown(name: str, origin: str) -> str:
    """What to say of a name that is no setting: the nearest that is one."""
    import difflib  # only when something is wrong

    sections = list(dict.fromkeys(setting.section for setting in SETTINGS.values()))
    if name == origin:
        known = [variable(setting) for setting in SETTINGS.values()]
        near = difflib.get_close_matches(name, [*known, *OTHER_VARIABLES], 1)
        return "is not a setting" + (f"; did you mean {near[0]}?" if near else "; see rtvi-local serve --print-config")
    if name.startswith("["):
        near = difflib.get_close_matches(name[1:-1], sections, 1)
        hint = f"did you mean [{near[0]}]? " if near else ""
        return f"{name} is not a section; {hint}There are {', '.join(f'[{section}]' for section in sections)}"
    section, _, key = name.rpartition(".")
    elsewhere = [known for known, setting in SETTINGS.items() if setting.key == key or known == name.replace("_", ".", 1)]
    near = elsewhere or difflib.get_close_matches(name, SETTINGS, 1)
    if near:
        return f"{name} is not a setting; did you mean {near[0]}?"
    keys = [setting.key for setting in SETTINGS.values() if setting.section == section]
    return f"{name} is not a setting; " + (f"[{section}] has {', '.join(keys)}" if keys else "every key is in a section")
