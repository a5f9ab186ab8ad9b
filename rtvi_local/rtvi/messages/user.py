"""What the appliance tells about the user's side of the conversation."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtvi_local.rtvi.messages.base import Message


class UserStartedSpeaking(Message, frozen=True):
    """The user has the floor: one per turn, not raw voice activity."""

    type: ClassVar[str] = "user-started-speaking"
    since: ClassVar[str] = "0.1"


class UserStoppedSpeaking(Message, frozen=True):
    """The user's turn is over."""

    type: ClassVar[str] = "user-stopped-speaking"
    since: ClassVar[str] = "0.1"


class VadUserStartedSpeaking(Message, frozen=True):
    """Voice activity; sent where `messages.vad` is on."""

    type: ClassVar[str] = "vad-user-started-speaking"
    since: ClassVar[str] = "1.2"


class VadUserStoppedSpeaking(Message, frozen=True):
    """Voice activity paused; sent where `messages.vad` is on."""

    type: ClassVar[str] = "vad-user-stopped-speaking"
    since: ClassVar[str] = "1.2"


class UserMuteStarted(Message, frozen=True):
    """The appliance ignores the microphone from now on: a reply is under way, and `phrase_endpointing.interruptions` is
    "never"."""

    type: ClassVar[str] = "user-mute-started"
    since: ClassVar[str] = "1.2"


class UserMuteStopped(Message, frozen=True):
    """The appliance listens again."""

    type: ClassVar[str] = "user-mute-stopped"
    since: ClassVar[str] = "1.2"


class UserTranscription(Message, frozen=True):
    """What the user said. Those that are not final hold the whole turn so far and replace one another. `timestamp` is
    ISO 8601 with milliseconds, in UTC; `user_id` is empty where the transport knows none."""

    type: ClassVar[str] = "user-transcription"
    since: ClassVar[str] = "0.1"
    text: str
    final: bool
    timestamp: str
    user_id: str


class UserInput(Message, frozen=True):
    """What the user said (beside `user-transcription`, just before it), typed (`msg_id` is the id of the `send-text`), or
    murmured while the bot was speaking."""

    type: ClassVar[str] = "user-input"
    since: ClassVar[str] = "2.2"
    text: str
    input_type: Literal["transcription", "chat", "backchannel"]
    timestamp: str
    final: bool
    user_id: str | None = None
    msg_id: str | None = None


class SttRawText(Message, frozen=True):
    """`user-transcription` under a lasting name; sent to 2.2 clients where `messages.raw_text` is on."""

    type: ClassVar[str] = "stt-raw-text"
    since: ClassVar[str] = "2.2"
    text: str
    final: bool
    timestamp: str
    user_id: str


class UserLlmText(Message, frozen=True):
    """What the model is asked."""

    type: ClassVar[str] = "user-llm-text"
    since: ClassVar[str] = "0.2"
    text: str


class UserAudioLevel(Message, frozen=True):
    """How loud the microphone is, 0 (-60 dBFS) … 1 (full scale), every 150 ms; sent where `messages.audio_levels` is on."""

    type: ClassVar[str] = "user-audio-level"
    since: ClassVar[str] = "1.0"
    value: float
