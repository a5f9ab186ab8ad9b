"""The documentation of every message, made from the messages themselves.

`python -m rtvi_local.rtvi.document > docs/messages.md`
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import msgspec

from rtvi_local.pipeline.options import OPTIONS, Option
from rtvi_local.rtvi.messages import CLIENT_MESSAGES, SERVER_MESSAGES, Message, Part

_LONGEST_DEFAULT_CHARS = 60

_HEAD = """# Messages

Every RTVI message that this appliance understands or sends, made from its typed definitions by
`python -m rtvi_local.rtvi.document`. A message is a JSON object `{"label": "rtvi-ai", "type": …, "id": …, "data": {…}}`; the
tables list what stands in `data`. Optional fields may be absent; the appliance never sends null, and takes it for absent.

The labels of the first generation, `rtvi` and `realtime-ai` (summer of 2024), are accepted and answered under the same label.
The message types of that generation's own SDKs (`config-update`, `llm-get-context`, `tts-speak`, …) are not: they are refused
as unsupported, and those SDKs, which send no `client-ready`, get no `bot-ready`.
"""


_OPTIONS_HEAD = """# Options

What clients can configure (see [configuration.md](configuration.md)), made from the table of options by `make docs`. Most are
[settings](settings.md) of the appliance, which give the default, under the name of the service on the wire.

| service | option | type | default | allowed | unit | applies | meaning |
|---|---|---|---|---|---|---|---|
"""


def options_page() -> str:
    """The whole page, in Markdown."""
    return _OPTIONS_HEAD + "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in _option_cells(option))} |\n" for option in OPTIONS.values()
    )


def _option_cells(option: Option) -> list[str]:
    allowed = ", ".join(f"`{choice}`" for choice in option.choices)
    if option.least is not None:
        allowed = f"{option.least:g} to {option.most:g}" if option.most is not None else f"from {option.least:g}"
    default = f"`{json.dumps(option.default)}`" if option.listed else ""
    if len(default) > _LONGEST_DEFAULT_CHARS:
        default = "see settings"
    return [option.service, f"`{option.name}`", option.type, default, allowed, option.unit, option.applies, option.help]


def document() -> str:
    """The whole page, in Markdown."""
    parts: dict[str, type[Part]] = {}
    pages = [_HEAD, "## From the client"]
    pages += [_message(kind, parts) for kind in CLIENT_MESSAGES]
    pages.append("## From the appliance")
    pages += [_message(kind, parts) for kind in SERVER_MESSAGES]
    pages.append("## Parts")
    pages += [_section(f"### {name}", _described(kind), _fields(kind, {})) for name, kind in sorted(_closed(parts).items())]
    return _section(*pages) + "\n"


def _section(*paragraphs: str) -> str:
    return "\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph)


def _message(kind: type[Message], parts: dict[str, type[Part]]) -> str:
    return _section(f"### `{kind.type}`", f"Since protocol {kind.since}. {_described(kind)}", _fields(kind, parts))


def _described(kind: type[msgspec.Struct]) -> str:
    """Empty for a struct that says nothing: it inherits what its base says."""
    return inspect.cleandoc(kind.__doc__).replace("\n", " ") if "__doc__" in vars(kind) and kind.__doc__ else ""


def _fields(kind: type[msgspec.Struct], parts: dict[str, type[Part]]) -> str:
    fields = msgspec.structs.fields(kind)
    if not fields:
        return "No data."
    rows = ["| field | type | |", "|---|---|---|"]
    rows += [f"| `{f.encode_name}` | {_type(f.type, parts)} | {'required' if f.required else 'optional'} |" for f in fields]
    return "\n".join(rows)


def _type(annotation: Any, parts: dict[str, type[Part]]) -> str:
    """A type in the words of JSON. Notes the parts that it meets."""
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    if inspect.isclass(annotation) and issubclass(annotation, Part):
        parts[annotation.__name__] = annotation
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if origin is list:
        return f"list of {_type(arguments[0], parts)}"
    if origin is dict:
        return "object"
    if arguments and all(isinstance(argument, str) for argument in arguments):
        return ", ".join(f'`"{argument}"`' for argument in arguments)
    if arguments:
        named = [_type(argument, parts) for argument in arguments if argument is not type(None)]
        return " or ".join(dict.fromkeys(named))
    names = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}
    return names[annotation]


def _closed(parts: dict[str, type[Part]]) -> dict[str, type[Part]]:
    """The parts, and the parts of those."""
    known = dict(parts)
    waiting = list(parts.values())
    while waiting:
        found: dict[str, type[Part]] = {}
        _fields(waiting.pop(), found)
        waiting += [kind for name, kind in found.items() if name not in known]
        known.update(found)
    return known


if __name__ == "__main__":
    sys.stdout.write(document())
