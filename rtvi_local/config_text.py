"""The settings as text: TOML that can be read back, and the page of the documentation."""

from __future__ import annotations

import json
import re

from rtvi_local.config_sources import LoadedConfig, variable
from rtvi_local.config_values import SETTINGS, Setting, Value, values_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def to_toml(loaded: LoadedConfig) -> str:
    """Every setting with its value, meaning, unit and origin. Given back with `--config` it makes the same Config, but for what
    is secret: what is printed is pasted into reports."""
    lines = ["# Every setting of rtvi-local that is in force. The comment after a value says where the value came from."]
    section = ""
    for name, value in values_of(loaded.config).items():
        setting = SETTINGS[name]
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        lines.append(f"# {_explained(setting)}")
        # A file's name may hold a line break: left in, the rest of it would be read as a setting.
        origin = _CONTROL.sub("?", loaded.origins[name])
        if setting.secret and value:
            lines.append(f"# {setting.key} = ********  # {origin}; not printed: give it as {variable(setting)}")
        else:
            lines.append(f"{setting.key} = {toml_value(value)}  # {origin}")
    return "\n".join(lines) + "\n"


def toml_value(value: Value) -> str:
    """The value as TOML 1.0 writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    # JSON's strings are TOML's basic strings, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "<!-- Written by `make docs` from rtvi_local/config.py; a test fails if the two differ. -->",
        "",
        "A value is taken from the first of these that has one:",
        "",
        "1. a flag, where there is one (`rtvi-local serve --help`);",
        "2. the environment variable in the table (a list is separated by commas);",
        "3. one TOML file: what `--config` names, else `/etc/rtvi-local/config.toml`, else `rtvi-local/config.toml` in the",
        "   user's folder for configuration (`~/.config` on Linux, `~/Library/Application Support` on macOS);",
        "4. the default.",
        "",
        "`rtvi-local serve --print-config` prints them all with their values and where each came from: a file to start from.",
        "Passwords, and the commands of MCP servers, which may hold some, are left out of it.",
        "An unknown key or variable, a wrong type or an impossible value stops the start with exit code 2 and a message",
        "that says what is allowed.",
        "`RTVI_LOCAL_LOG` or `--log-level` (debug, info, warning, error) says how much is logged; it is in no file.",
    ]
    section = ""
    for setting in SETTINGS.values():
        if setting.section != section:
            section = setting.section
            lines += ["", f"## [{section}]", "", "| key | default | allowed | meaning | variable |", "|---|---|---|---|---|"]
        allowed = setting.allowed + (f", in {setting.unit}" if setting.unit else "")
        cells = [f"`{setting.key}`", f"`{toml_value(setting.default)}`", allowed, setting.help, f"`{variable(setting)}`"]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _explained(setting: Setting) -> str:
    unit = f", in {setting.unit}" if setting.unit else ""
    return f"{setting.help} ({setting.allowed}{unit})"
