"""What every RTVI message is: a `type`, perhaps an `id`, perhaps `data`, under one label.

Messages are msgspec structs: a field is written once, with its type, and reading with strict checks, writing and the
documentation all follow from it. One rule replaces hand-written serializers: a field that may be absent defaults to None and
is then left out; null is never sent (Kotlin clients fail on an explicit null where a value belongs).
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

LABEL = "rtvi-ai"
LABELS = (LABEL, "rtvi", "realtime-ai")
"""What clients have called it; each is answered under the name that it used. What the SDKs sent that used the latter two is not
understood: a label is all that they share with what came after."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A typed object inside a message's data."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One RTVI message without its envelope; its fields are those of `data`."""

    type: ClassVar[str]
    since: ClassVar[str]
    """The protocol version that brought it."""

    def body(self) -> Any:
        """What stands under `data`, as plain JSON types; None where the message has no data at all."""
        return msgspec.to_builtins(self) if self.__struct_fields__ else None

    def to_wire(self, id: str | None = None, label: str = LABEL) -> dict[str, object]:
        """The whole envelope. `id` is needed where this answers a request; events go without."""
        wire: dict[str, object] = {"label": label, "type": self.type}
        if id is not None:
            wire["id"] = id
        data = self.body()
        if data is not None:
            wire["data"] = data
        return wire


def encode(message: Message, id: str | None = None, label: str = LABEL) -> str:
    """The message as it goes to the client. Raises UnicodeEncodeError for text that is no Unicode (lone surrogates)."""
    return msgspec.json.encode(message.to_wire(id, label)).decode()
