"""Everything a client may say, protocol 1.x and 2.x up to 2.2.0.

Clients write "not given" as an absent key, as null (Android) or as {} (JavaScript): what is optional here takes None.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from rtvi_local.rtvi.messages.base import Message, Part
from rtvi_local.rtvi.messages.legacy import Action, DescribeActions, DescribeConfig, GetConfig, UpdateConfig

DtmfKey = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]


class ClientReady(Message, frozen=True):
    """The client's first message; `bot-ready` answers it. `version` is "MAJOR.MINOR.PATCH", absent in 0.x; `about` says what
    the client is. Neither is trusted to have the right type: third parties send all sorts, and must get their answer."""

    type: ClassVar[str] = "client-ready"
    since: ClassVar[str] = "0.1"
    version: Any = None
    about: Any = None


class DisconnectBot(Message, frozen=True):
    """End the conversation, gracefully."""

    type: ClassVar[str] = "disconnect-bot"
    since: ClassVar[str] = "0.3"


class ClientMessage(Message, frozen=True):
    """A message or request of the application's own, of kind `t`. Answered by `server-response` or `error-response`."""

    type: ClassVar[str] = "client-message"
    since: ClassVar[str] = "1.0"
    t: str
    d: Any = None


class TextOptions(Part, frozen=True):
    run_immediately: bool | None = None
    audio_response: bool | None = None


class SendText(Message, frozen=True):
    """The user writes instead of speaking. By default it interrupts the bot, is answered at once, and the answer is spoken."""

    type: ClassVar[str] = "send-text"
    since: ClassVar[str] = "1.1"
    content: str
    options: TextOptions | None = None

    @property
    def run_immediately(self) -> bool:
        return self.options is None or self.options.run_immediately is not False

    @property
    def audio_response(self) -> bool:
        return self.options is None or self.options.audio_response is not False


class FileSource(Part, frozen=True):
    """Where a file is: `bytes` (base64, or a whole data: URL) or `url`. The key that is there decides."""

    type: Literal["bytes", "url"] | None = None
    bytes: str | None = None
    url: str | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if (self.bytes is None) == (self.url is None):
            raise ValueError("either `bytes` or `url` is needed")


class File(Part, frozen=True):
    format: str
    source: FileSource
    name: str | None = None


class FileOptions(Part, frozen=True):
    run_immediately: bool | None = None
    audio_response: bool | None = None
    custom_options: dict[str, Any] | None = None


class SendFile(Message, frozen=True):
    """A file for the model, with the text that goes with it (may be empty)."""

    type: ClassVar[str] = "send-file"
    since: ClassVar[str] = "2.2"
    content: str
    file: File
    options: FileOptions | None = None


class AppendToContext(Message, frozen=True):
    """Add a message to what the model knows. `run_immediately` interrupts the bot and has it answer."""

    type: ClassVar[str] = "append-to-context"
    since: ClassVar[str] = "1.0"
    role: str
    content: Any
    run_immediately: bool | None = None


class LlmFunctionCallResult(Message, frozen=True):
    """What a function that ran on the client returned: any JSON."""

    type: ClassVar[str] = "llm-function-call-result"
    since: ClassVar[str] = "0.1"
    function_name: str
    tool_call_id: str
    arguments: Any = None
    result: Any = None


class Dtmf(Message, frozen=True):
    """Telephone keys: `buttons` since 2.1, one `button` in 2.0."""

    type: ClassVar[str] = "dtmf"
    since: ClassVar[str] = "2.0"
    buttons: list[DtmfKey] | None = None
    button: DtmfKey | None = None

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("`buttons` needs at least one key")

    @property
    def keys(self) -> tuple[DtmfKey, ...]:
        """The keys in the order they were pressed, whichever form they came in."""
        return tuple(self.buttons or ()) or ((self.button,) if self.button is not None else ())


class UiEvent(Message, frozen=True):
    """Something happened in the client's user interface."""

    type: ClassVar[str] = "ui-event"
    since: ClassVar[str] = "1.3"
    event: str
    payload: Any = None


class UiNode(Part, frozen=True):
    """One element of the page. `ref` names it in `ui-command`."""

    ref: str
    role: str
    name: str | None = None
    value: Any = None
    state: list[str] | None = None
    level: int | None = None
    colcount: int | None = None
    rowcount: int | None = None
    children: list[UiNode] | None = None


class UiSelection(Part, frozen=True):
    ref: str
    text: str
    start_offset: int | None = None
    end_offset: int | None = None


class UiTree(Part, frozen=True):
    root: UiNode
    captured_at: float
    """Milliseconds since 1970."""
    selection: UiSelection | None = None


class UiSnapshot(Message, frozen=True):
    """The whole accessibility tree of the client's page."""

    type: ClassVar[str] = "ui-snapshot"
    since: ClassVar[str] = "1.3"
    tree: UiTree


class UiCancelJobGroup(Message, frozen=True):
    """The user cancels a group of jobs."""

    type: ClassVar[str] = "ui-cancel-job-group"
    since: ClassVar[str] = "1.4"
    job_id: str
    reason: str | None = None


class UiCancelTask(Message, frozen=True):
    """`ui-cancel-job-group` under its name in 1.3."""

    type: ClassVar[str] = "ui-cancel-task"
    since: ClassVar[str] = "1.3"
    task_id: str
    reason: str | None = None


class RawAudio(Message, frozen=True):
    """16-bit little-endian PCM in base64."""

    type: ClassVar[str] = "raw-audio"
    since: ClassVar[str] = "0.3"
    base64_audio: str = msgspec.field(name="base64Audio")
    sample_rate: int = msgspec.field(name="sampleRate")
    num_channels: int = msgspec.field(name="numChannels")


class RawAudioBatch(Message, frozen=True):
    """Several `raw-audio` in one."""

    type: ClassVar[str] = "raw-audio-batch"
    since: ClassVar[str] = "0.3"
    base64_audio_batch: list[str] = msgspec.field(name="base64AudioBatch")
    sample_rate: int = msgspec.field(name="sampleRate")
    num_channels: int = msgspec.field(name="numChannels")


CLIENT_MESSAGES: tuple[type[Message], ...] = (
    ClientReady, DisconnectBot, ClientMessage, SendText, SendFile, AppendToContext, LlmFunctionCallResult, Dtmf,
    UiEvent, UiSnapshot, UiCancelJobGroup, UiCancelTask, RawAudio, RawAudioBatch,
    DescribeConfig, GetConfig, UpdateConfig, DescribeActions, Action,
)  # fmt: skip
"""Everything that is understood; what a session does about each is in its table of handlers."""
