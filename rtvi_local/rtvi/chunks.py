"""Messages that are larger than a client takes at once: what can be sent in pieces is, everything else is refused. Pure.

A `server-message` whose data does not fit comes as several, whose data is `{"type": "chunk", "id", "index", "count", "text"}`.
The texts of all `count` chunks of an `id`, joined in the order of `index`, are the JSON of the data that did not fit. Chunks
come in order, other messages may come between them.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from rtvi_local.rtvi.messages.base import LABEL, LABELS, Message, encode
from rtvi_local.rtvi.messages.session import ServerMessage

LIMIT_BYTES = 60_000
"""Under the 64 KiB that every client takes, whatever its transport."""
_ENVELOPE_BYTES = 400


class TooLarge(Exception):
    """A message that does not fit and cannot be split. The text is for the client."""


def size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def fits(message: Message) -> bool:
    """It can be sent at once, under whichever label."""
    return size_bytes(encode(message, label=max(LABELS, key=len))) <= LIMIT_BYTES


def fitting(message: Message, id: str | None = None, *, label: str = LABEL, limit_bytes: int = LIMIT_BYTES) -> Iterator[str]:
    """What to send, each text within the limit: the message itself, or its chunks. Raises TooLarge."""
    text = encode(message, id, label)
    size = size_bytes(text)
    if size <= limit_bytes:
        yield text
    elif isinstance(message, ServerMessage):
        for chunk in chunks(message.data, limit_bytes):
            yield encode(chunk, label=label)
    else:
        raise TooLarge(f"The answer of {size} bytes is larger than the {limit_bytes} that can be sent at once: ask for less.")


def chunks(data: Any, limit_bytes: int = LIMIT_BYTES) -> list[ServerMessage]:
    """The server-messages that bring `data`, each within the limit."""
    # ASCII, so that a piece is as many bytes as it has characters; in the envelope a quote or a backslash doubles.
    text = json.dumps(msgspec.to_builtins(data), separators=(",", ":"))
    room = limit_bytes - _ENVELOPE_BYTES
    id = uuid.uuid4().hex[:12]
    pieces: list[str] = []
    start = 0
    while start < len(text):
        length = room
        while (grown := len(json.dumps(text[start : start + length])) - 2) > room:
            length = max(1, math.floor(length * room / grown) - 1)
        pieces.append(text[start : start + length])
        start += length
    return [
        ServerMessage({"type": "chunk", "id": id, "index": index, "count": len(pieces), "text": piece})
        for index, piece in enumerate(pieces)
    ]


def joined(received: list[dict[str, Any]]) -> Any:
    """The data that these chunks bring, in whatever order they are given. Raises ValueError if one is missing."""
    texts = {chunk["index"]: chunk["text"] for chunk in received}
    if not received or set(texts) != set(range(received[0]["count"])):
        raise ValueError("chunks are missing")
    return json.loads("".join(texts[index] for index in range(len(texts))))
