"""What the server expects of the appliance behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rtvi_local.pipeline.frames import Frame
from rtvi_local.rtvi.files import FileRules
from rtvi_local.transports.interface import Listener, Transport


class TooManyConversations(Exception):
    """As many conversations as are allowed are going on. The text is for the client."""


class UnusableRequest(Exception):
    """What the client asks for with its connection cannot be had. The text is for the client, and says what can."""


class Conversation(Listener, Protocol):
    """A conversation that has begun."""

    def observe_with(self, observer: Callable[[Frame], None]) -> None:
        """Show every frame to somebody, after the client has been told of it."""
        ...


class Appliance(Protocol):
    """Everything but the network: engines, conversations."""

    files: FileRules
    """Where uploads are kept for the conversations, and what files may be."""

    @property
    def conversations(self) -> int:
        """How many are going on."""
        ...

    def is_idle(self) -> bool:
        """Whether in none of them anything is said, answered or awaited."""
        ...

    def is_answering(self) -> bool:
        """Whether in any of them an answer is being made, and not only played."""
        ...

    def ready(self) -> Sequence[str]:
        """What is still missing before a conversation can begin, in words for people; empty when nothing is."""
        ...

    def check(self, request_data: dict[str, Any]) -> None:
        """Whether a conversation could begin with this, as far as that depends on it alone. Raises UnusableRequest."""
        ...

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Conversation:
        """Begin a conversation with the client behind `transport`; it ends when the listener's `on_closed` is called, which it
        is in any case. `request_data` is what the client sent along with its connection. Raises TooManyConversations,
        UnusableRequest."""
        ...
