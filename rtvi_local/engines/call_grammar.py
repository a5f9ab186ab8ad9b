"""From a tool's JSON schema to the grammar (GBNF) that its arguments are written by. Pure.

llama-cpp-python brings a converter of llama.cpp's own making; here schemas are made fit for it: strings end, whole numbers with
few possible values are these values, and what it cannot express is left out rather than refused, since some client's tools are
better called with a looser grammar than not at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST_STRING_CHARS = 120
"""Of a schema that sets no limit. A small model that has lost the thread writes on and on."""
_MOST_NUMBERS = 400
_MOST_PROPERTIES = 24
_DEEPEST = 6
_KEPT = ("type", "enum", "const", "required", "minItems", "maxItems", "minLength", "maxLength")
_UNIONS = ("anyOf", "oneOf")


def grammar_of(schema: Mapping[str, Any]) -> str:
    """The grammar of a JSON object that fits `schema`, with a space before it or none."""
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    definitions = {**schema.get("$defs", {}), **schema.get("definitions", {})}
    fitting = fitted(schema, definitions)
    try:
        grammar: str = json_schema_to_gbnf(json.dumps(fitting))
    except Exception:  # it raises whatever it stumbles over
        grammar = json_schema_to_gbnf(json.dumps({"type": "object", "properties": {}}))
    # Inside of strings JSON allows no control characters, and the converter's rule does.
    grammar = grammar.replace('[^"\\\\]', '[^"\\\\\\x00-\\x1f]')
    return re.sub(r"^root ::=", 'root ::= " "?', grammar, flags=re.MULTILINE)


def certain_start(schema: Mapping[str, Any]) -> str:
    """What every object that fits begins with: the model need not write it."""
    definitions = {**schema.get("$defs", {}), **schema.get("definitions", {})}
    fitting = fitted(schema, definitions)
    if not fitting["properties"]:
        return " {}"
    first = next((name for name in fitting["properties"] if name in fitting["required"]), None)
    if first is None:
        return " {"
    is_text = fitting["properties"][first].get("type") == "string"
    return f" {{{json.dumps(first)}:{' ' + chr(34) if is_text else ''}"


def fitted(schema: Any, definitions: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """What the converter understands of a schema, without references."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return {"type": "string", "maxLength": LONGEST_STRING_CHARS}
    if isinstance(reference := schema.get("$ref"), str):
        return fitted(definitions.get(reference.rpartition("/")[2]), definitions, depth + 1)
    for union in _UNIONS:
        if isinstance(schema.get(union), list) and schema[union]:
            choices = [each for each in schema[union] if each.get("type") != "null"] or schema[union]
            return {union: [fitted(each, definitions, depth + 1) for each in choices]}
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if isinstance(kind := kept.get("type"), list):
        kept["type"] = next((each for each in kind if each != "null"), "string")
    if "enum" in kept or "const" in kept:
        kept.pop("type", None)
        return kept
    match kept.get("type"):
        case "string":
            kept["maxLength"] = min(int(kept.get("maxLength", LONGEST_STRING_CHARS)), LONGEST_STRING_CHARS)
        case "integer" if (values := _few(schema)) is not None:
            return {"enum": values}
        case "array":
            kept["items"] = fitted(schema.get("items"), definitions, depth + 1)
            kept.setdefault("maxItems", 8)
        case "object" | None:
            return _object(schema, definitions, depth)
        case _:
            pass
    return kept


def _object(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    named = list(properties.items())[:_MOST_PROPERTIES] if isinstance(properties, Mapping) else []
    required = [name for name in schema.get("required", []) if any(name == each for each, _ in named)]
    return {
        "type": "object",
        "properties": {name: fitted(each, definitions, depth + 1) for name, each in named},
        "required": required,
        "additionalProperties": False,
    }


def _few(schema: Mapping[str, Any]) -> list[int] | None:
    """The values of a whole number with a least and a most, if they are few."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if not isinstance(least, (int, float)) or not isinstance(most, (int, float)) or not 0 <= most - least < _MOST_NUMBERS:
        return None
    return list(range(int(least), int(most) + 1))
