"""A reply's sound, and how much of it was heard."""

from __future__ import annotations

from dataclasses import dataclass

from rtvi_local.audio.pcm import Int16


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply that can be spoken by itself. `text` is for the screen, `spoken` for the voice: cleaned of
    markup, and empty where nothing of it can be said. All clauses of a reply come before its ReplyEnded passes."""

    segment_id: int
    text: str
    spoken: str
    revision: int
    speak: bool = True
    remember: bool = True
    """Whether it belongs to the conversation. What only fills a wait does not."""


@dataclass(frozen=True, slots=True)
class SynthesisStarted:
    """The voice begins to speak a reply into memory."""

    revision: int


@dataclass(frozen=True, slots=True)
class WordTiming:
    """Where a word of a segment's `text` ends, in characters, and until which sample of the segment it sounds."""

    end_char: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound of a segment at the voice's own rate. A segment comes in one or more of these; `words` are counted from the
    segment's first sample; with `last` the segment is complete."""

    segment_id: int
    samples: Int16
    sample_rate: int
    revision: int
    words: tuple[WordTiming, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class SynthesisEnded:
    """All sound of a reply has been made; some of it may not have been heard yet."""

    revision: int


@dataclass(frozen=True, slots=True)
class Cue:
    """A sound that says "I am working on it". It is no part of the reply, which takes over from it: nobody is told of it, and
    it does not count as the bot's speaking."""

    samples: Int16
    sample_rate: int
    revision: int


@dataclass(frozen=True, slots=True)
class BotStartedSpeaking:
    """The first audible frame of a reply left for the client."""

    revision: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a segment has been played: `text[:heard_chars]`. `completed` once, when all of it was."""

    segment_id: int
    text: str
    heard_chars: int
    completed: bool
    revision: int


@dataclass(frozen=True, slots=True)
class BotStoppedSpeaking:
    """The voice fell silent: the reply is over, was interrupted, or ran dry. `finished` if the whole reply was heard."""

    revision: int
    finished: bool
    at_ms: float


@dataclass(frozen=True, slots=True)
class ReplyDelivered:
    """All of a reply has been played, or shown where it is not spoken. Nothing of this revision follows."""

    revision: int
