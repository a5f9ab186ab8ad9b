"""What flows through a pipeline: small frozen dataclasses, named as in RTVI and speech processing.

Times are milliseconds of the event loop's clock (`loop.time() * 1000`), which tests replace by a virtual one. A *revision* is
an integer that grows with every change of mind in a conversation; work that carries a lower one than the current is dropped
where it stands. There is no other cancel flag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Union

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rtvi_local.config import Config
    from rtvi_local.engines.interfaces import ModelSession
    from rtvi_local.images.picture import Picture
    from rtvi_local.pipeline.engines import Engines

Int16 = npt.NDArray[np.int16]
"""Mono PCM, shape (samples,)."""

# --- hearing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Audio:
    """What the client's microphone sent: 16 kHz mono, usually 20 ms."""

    samples: Int16
    at_ms: float
    """When its last sample arrived here."""
    own_voice: bool = False
    """All that sounds in it is what the appliance itself says, come back."""
    is_guess: bool = False
    """`own_voice` is no more than possible: nothing is known yet of how it comes back, if it does."""


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


# --- turns -------------------------------------------------------------------------------------------------------------


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


# --- thinking ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages for the model to answer, in the OpenAI chat form."""

    messages: tuple[dict[str, object], ...]
    revision: int
    speak_reply: bool = True
    say: str | None = None
    """The reply, where it is known without asking the model."""
    language: str | None = None
    """What the reply is asked for in, where that is detected."""


@dataclass(frozen=True, slots=True)
class PromptAhead:
    """What the next prompt will begin with, as far as it is known while the person speaks: for the model to read ahead."""

    messages: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The model begins to answer (one per inference)."""

    revision: int
    speak_reply: bool = True
    language: str | None = None
    """What it was asked to answer in, if anything."""


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """A piece of the reply's text, as the model wrote it."""

    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The model has said all it will say in this inference. Unless `final`, a tool was called, and more of the reply follows
    when its result is there."""

    revision: int
    final: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool begins to run: only now, for a call may do something, and a turn that is not committed may come to nothing."""

    call_id: str
    name: str
    arguments: Mapping[str, object]
    revision: int
    on_client: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call. `content` is text or parts in the OpenAI form; None if the call was cancelled."""

    call: ToolCall
    content: object
    revision: int

    @property
    def cancelled(self) -> bool:
        return self.content is None


@dataclass(frozen=True, slots=True)
class Filler:
    """Something to say while a tool takes its time. It is no part of the reply, and not remembered."""

    text: str
    revision: int


# --- speaking ----------------------------------------------------------------------------------------------------------


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


# --- what was heard ----------------------------------------------------------------------------------------------------


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


# --- beside the conversation -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configured:
    """Options have changed. Pushed in at the top; each stage takes what concerns it, for the work that it begins from now on.
    The `session` is one of `engines.language_model`; whoever has another one closes that when it is no longer used."""

    config: Config
    engines: Engines
    session: ModelSession


@dataclass(frozen=True, slots=True)
class Condense:
    """Nobody is talking: have the model sum up these messages, the last of which asks for it. Given up when somebody speaks."""

    messages: tuple[dict[str, object], ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Condensed:
    """The summary that was asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for the client to show: what the model was shown of the client's camera or screen, or what a tool found."""

    picture: Picture
    source: str
    """"camera", "screen", or the tool's name."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A time that somebody may want to see, in seconds as RTVI metrics count them."""

    processor: str
    kind: Literal["ttfb", "processing"]
    value_s: float
    model: str = ""
    revision: int = 0
    silent_s: float | None = None
    """Of a voice's first sound: how much of it is silence, before anything can be heard."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a piece of work took, by the names that RTVI's metrics give it: prompt_tokens, completion_tokens and
    cache_read_input_tokens; characters; audio_seconds."""

    processor: str
    amounts: Mapping[str, float]
    model: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class WakeState:
    """Whether what is said now is listened to, or only searched for a wake word. Sent when it changes, and to new clients."""

    awake: bool
    words: tuple[str, ...] = ()
    """What wakes it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong that the client should be told, in words that say what to do."""

    message: str
    fatal: bool = False


Frame = Union[
    Audio, SpeechStarted, SpeechStopped, Transcript, EndOfTurn, EndOfWords,
    TurnStarted, UserTurn, TurnCommitted, TurnDropped, Superseded, Interrupted, UserMuted, VoicePaused, VoiceResumed,
    PromptAhead, Prompt, ReplyStarted, ReplyToken, ReplyEnded, ToolCall, ToolResult, Filler,
    Clause, SynthesisStarted, Speech, SynthesisEnded,
    Cue, BotStartedSpeaking, Heard, BotStoppedSpeaking, ReplyDelivered,
    Configured, Condense, Condensed, Image, Measured, Used, WakeState, Failed,
]  # fmt: skip
