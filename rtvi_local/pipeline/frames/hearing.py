"""What is heard of the person."""

from __future__ import annotations

from dataclasses import dataclass

from rtvi_local.audio.pcm import Int16


@dataclass(frozen=True, slots=True)
class Audio:
    """What the client's microphone sent: 16 kHz mono, usually 20 ms."""

    samples: Int16
    at_ms: float
    """When its last sample arrived here."""
    own_voice: bool = False
    """All that sounds in it is what the appliance itself says, come back."""
    is_guess: bool = False
    """`own_voice` is no more than possible: little is known yet of how it comes back, if it does."""
    others: tuple[int, ...] = ()
    """In which of the audio that was marked on a guess somebody else sounded, as is known now: how many frames of 20 ms ago."""


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """The client holds its button to talk: what comes until it lets go is one turn, whatever its pauses."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class ButtonReleased:
    """It has let go, and all that was said until then has been heard."""

    at_ms: float
    waited_ms: float
    """For the last of it, since the client let go."""


@dataclass(frozen=True, slots=True)
class SpeechSuspected:
    """A first bit of what may be speech. SpeechStarted follows at once, if it is."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Voice activity began. The listening stage keeps the audio from before it (the pre-roll)."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Voice activity paused: so far only a suspicion that the utterance is over."""

    at_ms: float
    silence_ms: float
    """How long it had been quiet when this was emitted."""
    sounded_ms: float | None = None
    """When the last audible sound arrived, by its level; the voice activity detector hears speech for a little longer."""
    arrived_ms: float | None = None
    """When the audio arrived that decided it; `at_ms` lies within it."""
    masked: bool = False
    """It began in an echo of the own voice, which may have hidden its first sounds from the transcriber too."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the person said since the turn began, as far as it is understood. Interim ones replace one another."""

    text: str
    final: bool
    revision: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """The turn detector's opinion on the audio up to the last SpeechStopped."""

    probability: float
    revision: int


@dataclass(frozen=True, slots=True)
class EndOfWords:
    """The language model's opinion: how likely (natural logarithm) a sentence ends where these words do."""

    log_probability: float
    revision: int


@dataclass(frozen=True, slots=True)
class WakeState:
    """Whether what is said now is listened to, or only searched for a wake word. Sent when it changes, and to new clients."""

    awake: bool
    words: tuple[str, ...] = ()
    """What wakes it."""
