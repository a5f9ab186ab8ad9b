"""About the session itself. Where the standard renamed a field or a message, the old one is sent beside the new: every shipped
client reads only the old."""

from __future__ import annotations

from typing import Any, ClassVar

from rtvi_local.rtvi.messages.base import Message, Part


class Capabilities(Part, frozen=True):
    """What the bot can do, seen from the bot. True: does it. False: does not, the client may hide that part of its interface.
    Absent: unknown, the client keeps its default."""

    audio_in: bool | None = None
    audio_out: bool | None = None
    video_in: bool | None = None
    screen_in: bool | None = None
    video_out: bool | None = None
    metrics: bool | None = None


class BotReady(Message, frozen=True):
    """Answers `client-ready`, with its id. Nothing else makes a client's connect() return."""

    type: ClassVar[str] = "bot-ready"
    since: ClassVar[str] = "0.1"
    version: str
    about: dict[str, str] | None = None
    capabilities: Capabilities | None = None
    config: list[Any] | None = None
    """Only for 0.x clients, the first of which crash without it."""


class Error(Message, frozen=True):
    """Something went wrong that no request caused. A fatal one makes JavaScript and iOS clients disconnect. The same text
    stands under `error`, the standard's name, and `message`, which client-js read before 1.13.1."""

    type: ClassVar[str] = "error"
    since: ClassVar[str] = "0.1"
    error: str
    message: str
    fatal: bool

    @classmethod
    def saying(cls, text: str, *, fatal: bool = False) -> Error:
        return cls(text, text, fatal)


class ErrorResponse(Message, frozen=True):
    """The request with this id was refused or failed. The conversation goes on."""

    type: ClassVar[str] = "error-response"
    since: ClassVar[str] = "0.1"
    error: str
    message: str
    fatal: bool

    @classmethod
    def saying(cls, text: str) -> ErrorResponse:
        return cls(text, text, False)


class ServerMessage(Message, frozen=True):
    """Anything the application wants to tell its client: it is the whole of `data`."""

    type: ClassVar[str] = "server-message"
    since: ClassVar[str] = "0.3"
    data: Any

    def body(self) -> Any:
        return self.data


class ServerResponse(Message, frozen=True):
    """Answers the `client-message` with this id and the same `t`. With `result` it answers the `append-to-context` of client-js
    before 1.4, which takes nothing else for an answer."""

    type: ClassVar[str] = "server-response"
    since: ClassVar[str] = "1.0"
    t: str
    d: Any = None
    result: Any = None


class AppendToContextResult(Message, frozen=True):
    """`append-to-context` was done. Mobile clients wait for it."""

    type: ClassVar[str] = "append-to-context-result"
    since: ClassVar[str] = "1.0"
    result: Any


class SystemLog(Message, frozen=True):
    """What was decided or done in this conversation, never what was said; sent where `messages.system_log` is on."""

    type: ClassVar[str] = "system-log"
    since: ClassVar[str] = "1.0"
    text: str
