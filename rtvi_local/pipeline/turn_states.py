"""What turn-taking is made of: what can be so, what can happen, what must be done. See `turn_taking`.

Each is a closed set of small types, so that whoever handles them is told of a case that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

NEVER = float("-inf")
"""A time that was before everything."""

# --- what can be so ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody has the floor."""

    latest: int = 0


@dataclass(frozen=True, slots=True)
class Listening:
    """The person speaks; their turn is open."""

    latest: int
    started_ms: float
    words: str = ""
    """The newest that are known of this utterance, here and in the states below. They may lack its end."""
    over_voice: bool = False
    """It began while there was a reply, here and in Deciding."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """The person paused: is the turn over? `latest` is the evaluation that `text` and `probability` are awaited from."""

    latest: int
    started_ms: float
    quiet_since_ms: float
    text: str | None = None
    probability: float | None = None
    must_end: bool = False
    """The turn has reached its longest time, or the button was let go of: no pause is waited for."""
    words: str = ""
    ending: float | None = None
    """The language model's log-probability that a sentence ends where `text` does."""
    over_voice: bool = False
    suspected_ms: float = NEVER
    """When something began that may be speech."""
    over_end: bool = False
    """It began and ended over a reply that was then heard whole. A hum to that is no turn."""


@dataclass(frozen=True, slots=True)
class Answering:
    """The turn is committed; its reply is being thought, spoken or heard."""

    latest: int
    reply: int
    may_rejoin_until_ms: float = NEVER
    """Speech that begins before is the rest of what is being answered: the turn was ended too early."""
    sound: Overlapping | None = None
    """One that goes on but was not taken for an interruption."""
    unjudged: Judging | None = None
    """A sound that has ended and whose words are late: the voice has come back meanwhile, but they are not lost."""
    ended: Deciding | None = None
    """How the turn was ended, while the language model has not said what it thinks of its words."""
    held_until_ms: float | None = None
    """They do not sound like an end to it after all: the reply is ready and not heard before, unless the person goes on."""


@dataclass(frozen=True, slots=True)
class Overlapping:
    """The person makes a sound while a reply is under way. The voice is paused until it is known what the sound is."""

    latest: int
    reply: int
    started_ms: float
    may_rejoin_until_ms: float = NEVER
    """As above: if this sound began before, its words, if it has any, belong to the turn."""
    words: str = ""
    again_ms: float | None = None
    """When it went on after a short pause, if it did."""


@dataclass(frozen=True, slots=True)
class Judging:
    """The sound over the reply has ended; its words (evaluation `latest`) tell whether the reply goes on."""

    latest: int
    reply: int
    started_ms: float
    quiet_since_ms: float
    may_rejoin_until_ms: float = NEVER
    masked: bool = False
    """What was heard of it may be the end of a word."""
    probability: float | None = None
    words: str = ""
    dismissed: bool = False
    """It does not take the floor: the voice comes back, unless more follows at once ("Okay, stop")."""


State = Idle | Listening | Deciding | Answering | Overlapping | Judging

# --- what can happen ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechSuspected:
    """SpeechBegan follows within ONSET_MS, if it is speech."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    at_ms: float
    quiet_since_ms: float
    masked: bool = False
    """See `frames.SpeechStopped`."""


@dataclass(frozen=True, slots=True)
class WordsSoFar:
    """An interim transcript of the utterance so far. It may come late, when the person has paused already."""

    at_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The words of evaluation `revision`; empty if there were none worth answering."""

    at_ms: float
    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class EndJudged:
    """The turn detector's probability that evaluation `revision` is a finished utterance."""

    at_ms: float
    probability: float
    revision: int


@dataclass(frozen=True, slots=True)
class WordsJudged:
    """The language model's log-probability that a sentence ends where the words of evaluation `revision` do."""

    at_ms: float
    log_probability: float
    revision: int


@dataclass(frozen=True, slots=True)
class Typed:
    """A message in text that wants an answer now."""

    at_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The whole reply `revision` has been heard (or shown)."""

    at_ms: float
    revision: int


@dataclass(frozen=True, slots=True)
class Hushed:
    """The client asks for silence: whatever is being said or thought is dropped."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Pressed:
    """The person holds the button: they have the floor, as long as they like."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Released:
    """The person has let go of the button: what they said is over now, whatever the silence."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Tick:
    at_ms: float


Event = (
    SpeechSuspected
    | SpeechBegan
    | SpeechPaused
    | WordsSoFar
    | Transcribed
    | EndJudged
    | WordsJudged
    | Typed
    | Delivered
    | Hushed
    | Pressed
    | Released
    | Tick
)

# --- what must be done -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """Tell the world that the person has the floor."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Transcribe what was said in this turn and judge whether it is finished; answer with this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class Think:
    """Start to answer, tentatively."""

    revision: int
    text: str
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """The reply of this revision may be heard."""

    revision: int
    provisional: bool = False
    """Unless the language model thinks, before it is, that the words were no end."""


@dataclass(frozen=True, slots=True)
class Supersede:
    """The person went on: drop tentative work up to this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class DropTurn:
    """The open turn comes to nothing."""

    revision: int
    said: str = ""
    """The words of a turn that wants no reply."""
    gave_up: bool = False
    """Because its words did not become known in time, whatever they were."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The reply is over, wherever it is."""

    revision: int
    rejoins: bool = False
    """It answered half a turn: what was heard of it is void, and the person's words join those before."""


@dataclass(frozen=True, slots=True)
class PauseVoice:
    pass


@dataclass(frozen=True, slots=True)
class ResumeVoice:
    pass


@dataclass(frozen=True, slots=True)
class ForgetAudio:
    """What was said so far has been dealt with: the next speech starts a new utterance."""


Effect = OpenTurn | Evaluate | Think | Commit | Supersede | DropTurn | Interrupt | PauseVoice | ResumeVoice | ForgetAudio
