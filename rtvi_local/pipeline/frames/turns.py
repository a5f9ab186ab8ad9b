"""Who has the floor, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A person has the floor (RTVI: user-started-speaking). Not raw voice activity: one per turn."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What the person said, whole. Tentative until a TurnCommitted with the same revision: whoever can work on it does,
    only the speaker waits. `typed` turns come from text messages and are committed at once. Without text the model is asked
    to go on from what the context holds; with `say` it is not asked, because these words are the reply."""

    text: str
    revision: int
    typed: bool = False
    speak_reply: bool = True
    say: str | None = None
    language: str | None = None
    """ISO 639-1, as it was heard."""


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The turn is over and its reply may be heard (RTVI: user-stopped-speaking)."""

    revision: int
    at_ms: float
    provisional: bool = False
    """What the language model thinks of the words' end (EndOfWords) may still hold the reply."""


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """A turn that was started came to nothing: noise, an empty transcript. Nothing will answer it."""

    at_ms: float
    said: str = ""
    """What was said all the same, where it wants no answer ("stop")."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The person went on after a pause: tentative work with a revision up to this one is dropped, unheard."""

    revision: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The person took the floor from the bot: everything with a revision up to this one is dead."""

    revision: int
    at_ms: float
    rejoins: bool = False
    """The person only went on with what they were saying: what was heard of the answer to its first half is void."""


@dataclass(frozen=True, slots=True)
class UserMuted:
    """Whether what is said now is ignored, because a reply is under way that nobody may interrupt. Sent when it changes."""

    muted: bool


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """Somebody makes a sound: the voice fades out and holds where it is."""


@dataclass(frozen=True, slots=True)
class VoiceResumed:
    """It was nothing: the voice goes on where it paused."""
