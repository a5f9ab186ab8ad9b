"""From what a client sent to a typed message, strictly about types and leniently about what is missing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from rtvi_local.rtvi.messages.base import LABEL, LABELS, Message
from rtvi_local.rtvi.messages.from_client import CLIENT_MESSAGES

MAX_DEPTH = 200
"""Levels of nesting in a payload. A page's tree takes two per element; the interpreter's stack ends near 1000."""
MAX_ID_CHARS = 256
_HARD_LIMIT = 16
"""A message this many times too large is not even searched for its id."""
_NULL = msgspec.Raw(b"null")
_BY_TYPE: dict[str, type[Message]] = {message.type: message for message in CLIENT_MESSAGES}


class InvalidMessage(Exception):
    """What is wrong, in words for the client, and the id to answer to, if one could be read."""

    def __init__(self, text: str, id: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.id = id


@dataclass(frozen=True, slots=True)
class Incoming:
    id: str | None
    """None where the client left it out, as third parties do."""
    message: Message
    label: str = LABEL
    """As the client wrote it."""


class _Envelope(msgspec.Struct, frozen=True):
    label: Any = None
    type: Any = None
    id: Any = None
    data: msgspec.Raw = _NULL
    """Not decoded until it is known to be wanted and small enough."""


def parse(text: str, max_bytes: int) -> Incoming | None:
    """The message in `text`; None if it is not RTVI's (another label, or none): such is ignored, not answered.

    Raises InvalidMessage, and nothing else, whatever `text` is. A payload of null, {} or nothing is all the same.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise InvalidMessage("Invalid RTVI transport message: not valid Unicode") from None
    if len(raw) > max_bytes * _HARD_LIMIT:
        raise _too_large(raw, max_bytes, None)
    envelope = _envelope(raw)
    if envelope is None or not isinstance(envelope.label, str) or envelope.label not in LABELS:
        return None
    id = _id(envelope)
    if len(raw) > max_bytes:
        raise _too_large(raw, max_bytes, id)
    if not isinstance(envelope.type, str):
        raise InvalidMessage("Invalid RTVI transport message: `type` must be a string", id)
    kind = _BY_TYPE.get(envelope.type)
    if kind is None:
        raise InvalidMessage(f"Unsupported type {envelope.type[:100]}", id)
    return Incoming(id, _payload(envelope.data, kind, id), envelope.label)


def _envelope(raw: bytes) -> _Envelope | None:
    try:
        return msgspec.json.decode(raw, type=_Envelope)
    except msgspec.ValidationError:
        if not raw.lstrip().startswith(b"{"):
            return None  # JSON, but not an object: not RTVI's
        raise InvalidMessage("Invalid RTVI transport message: a number is out of range") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidMessage("Invalid RTVI transport message: not valid JSON") from None
    except RecursionError:
        raise InvalidMessage("Invalid RTVI transport message: nested too deeply") from None


def _id(envelope: _Envelope) -> str | None:
    id = envelope.id
    if id is None:
        return None
    if not isinstance(id, str) or len(id) > MAX_ID_CHARS:
        raise InvalidMessage(f"Invalid RTVI transport message: `id` must be a string of at most {MAX_ID_CHARS} characters")
    return id


def _payload(raw: msgspec.Raw, kind: type[Message], id: str | None) -> Message:
    try:
        data: object = msgspec.json.decode(raw)
        if data is None:
            data = {}
        if _deeper_than(data, MAX_DEPTH):
            raise InvalidMessage("Invalid message: nested too deeply", id)
        return msgspec.convert(data, kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidMessage(f"Invalid message: {error}", id) from None
    except RecursionError:
        raise InvalidMessage("Invalid message: nested too deeply", id) from None


def _deeper_than(value: object, limit: int) -> bool:
    """Level by level instead of by recursion, which is what deep nesting would break."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return False
        level = [inner for item in containers for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def _too_large(raw: bytes, max_bytes: int, id: str | None) -> InvalidMessage:
    return InvalidMessage(f"Message of {len(raw)} bytes is too large: at most {max_bytes} bytes are taken", id)
