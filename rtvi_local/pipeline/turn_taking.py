"""Who has the floor: a pure function from (state, event) to (state, effects).

The bug that this shape makes impossible: "the person is speaking", "a turn is open" and "a reply is under way" kept as
separate variables that can disagree, so that an utterance is ignored, or answered twice, or a voice stays paused for ever.
Here exactly one state holds at any moment, time arrives as an event, and what must happen by when is a property of the state
(`deadline`). Whoever runs this owns the state, feeds it every event in order, does what the effects say, and sends a `Tick`
when the deadline has come. What it does not know: audio, models, the wire.

Revisions: `latest` grows with every evaluation of what the person said and with every typed turn, and never shrinks; events
and effects about an older one than the state's own are void.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from typing_extensions import assert_never

from rtvi_local.pipeline import patience
from rtvi_local.pipeline.floor import is_backchannel, is_hush, may_become_backchannel

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


@dataclass(frozen=True, slots=True)
class Deciding:
    """The person paused: is the turn over? `latest` is the evaluation that `text` and `probability` are awaited from."""

    latest: int
    started_ms: float
    quiet_since_ms: float
    text: str | None = None
    probability: float | None = None
    must_end: bool = False
    """The turn has reached its longest time: no pause is waited for."""
    words: str = ""


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


@dataclass(frozen=True, slots=True)
class Overlapping:
    """The person makes a sound while a reply is under way. The voice is paused until it is known what the sound is."""

    latest: int
    reply: int
    started_ms: float
    rejoins_after_ms: float | None = None
    """How long after the turn's last sound, if that is so soon that its words, if it has any, belong to the turn."""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Judging:
    """The sound over the reply has ended; its words (evaluation `latest`) tell whether the reply goes on."""

    latest: int
    reply: int
    started_ms: float
    quiet_since_ms: float
    rejoins_after_ms: float | None = None
    probability: float | None = None
    words: str = ""


State = Idle | Listening | Deciding | Answering | Overlapping | Judging

# --- what can happen ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    at_ms: float
    quiet_since_ms: float


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
class Tick:
    at_ms: float


Event = SpeechBegan | SpeechPaused | WordsSoFar | Transcribed | EndJudged | Typed | Delivered | Hushed | Tick

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


@dataclass(frozen=True, slots=True)
class Supersede:
    """The person went on: drop tentative work up to this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class DropTurn:
    """The open turn comes to nothing."""

    revision: int
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

# --- how long to wait --------------------------------------------------------------------------------------------------

LONGEST_TRANSCRIPTION_MS = 2500.0
"""Of silence, after which a turn is given up of whose words nothing at all is known; who spoke hears so rather than wait on. A
transcription begins 0.1 s into the silence and takes 0.55 s on two cores (p90 of `rtvi-local bench`): there is time for four.
Where an interim transcript is known, the silence is never longer than patience.LONGEST_SILENCE_MS. The engine's failure is an
event of its own; this is the net."""
LONGEST_JUDGEMENT_MS = 800.0
"""A paused voice comes back within this time if the words over it don't become known: a second, as it is heard from outside."""
REJOIN_MS = 1500.0
"""After their last sound, within which a person who speaks again goes on with their turn rather than beginning another."""
LONGEST_WORDLESS_MS = 1100.0
"""Sound over the voice in which no words are found by then is music, or a machine: an interim transcript is due every half
second and takes a quarter."""


Interruptions = Literal["never", "polite", "eager"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of a conversation's turn-taking. Milliseconds of silence, unless it says otherwise."""

    wait_complete_ms: float = 200.0
    wait_incomplete_ms: float = 1500.0
    wait_unjudged_ms: float = 500.0
    """Where there is no turn detector."""
    detects_end: bool = True
    max_turn_ms: float = 30_000.0
    interruptions: Interruptions = "polite"
    floor_ms: float = 600.0
    """Speech over the reply that takes the floor, if it has words of its own."""
    knows_words: bool = True
    """Interim transcripts come while somebody speaks. Without them speech over the reply is judged by its length."""
    pace_ms: float = 0.0
    """The pauses that this person makes within a turn, as far as they are known (`learnt`)."""


def patience_ms(state: Deciding, policy: Policy) -> float:
    """How much silence ends this turn."""
    if state.must_end:
        return 0.0
    text = state.text or ""
    if policy.detects_end:
        return patience.wait_ms(
            state.probability,
            text,
            complete_ms=policy.wait_complete_ms,
            incomplete_ms=policy.wait_incomplete_ms,
            pace_ms=policy.pace_ms,
        )
    return patience.unjudged_ms(
        text, wait_ms=policy.wait_unjudged_ms, incomplete_ms=policy.wait_incomplete_ms, pace_ms=policy.pace_ms
    )


def learnt(policy: Policy, before: State, event: Event, after: State) -> Policy:
    """The policy for what comes next, with what this step told about the person's pace."""
    match before, event, after:
        case Deciding(), SpeechBegan(at_ms), Listening():
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, at_ms - before.quiet_since_ms))
        case Overlapping() | Judging(), _, _ if before.rejoins_after_ms is not None and not isinstance(
            event, Delivered | Typed
        ):
            # The turn was ended in a pause: the surest sign of all that this person makes longer ones.
            goes_on = isinstance(after, Listening | Deciding) or (isinstance(after, Answering) and after.reply != before.reply)
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, before.rejoins_after_ms)) if goes_on else policy
        case Answering(), SpeechBegan(at_ms), Listening():
            pause_ms = _rejoins_after_ms(before, at_ms)
            return policy if pause_ms is None else replace(policy, pace_ms=patience.learnt(policy.pace_ms, pause_ms))
        case Deciding(), _, Answering():
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, 0.0))
        case _:
            return policy


def deadline(state: State, policy: Policy) -> float | None:
    """When a Tick must arrive at the latest, if nothing else happens."""
    match state:
        case Idle() | Answering():
            return None
        case Listening():
            return state.started_ms + policy.max_turn_ms
        case Deciding(text=None):
            return state.quiet_since_ms + _longest_unheard_ms(state.words)
        case Deciding():
            return state.quiet_since_ms + patience_ms(state, policy)
        case Overlapping():
            return state.started_ms + _judged_after_ms(policy)
        case Judging():
            return state.quiet_since_ms + LONGEST_JUDGEMENT_MS
        case _:
            assert_never(state)


def _longest_unheard_ms(words: str) -> float:
    """How much silence the final transcription may take until these interim words have to do."""
    return patience.LONGEST_SILENCE_MS if words else LONGEST_TRANSCRIPTION_MS


def _judged_after_ms(policy: Policy) -> float:
    """How long a sound over the reply may go on before it is decided what it is."""
    return max(LONGEST_WORDLESS_MS, policy.floor_ms) if policy.knows_words else policy.floor_ms


# --- the function ------------------------------------------------------------------------------------------------------

Step = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, policy: Policy) -> Step:
    """What is so after `event`, and what must be done, in this order. Total: an event that means nothing changes nothing."""
    match event:
        case Typed():
            return _typed(state, event)
        case Hushed():
            return _hushed(state)
        case _:
            pass
    match state:
        case Idle():
            return _idle(state, event)
        case Listening():
            return _listening(state, event, policy)
        case Deciding():
            return _deciding(state, event, policy)
        case Answering():
            return _answering(state, event, policy)
        case Overlapping():
            return _overlapping(state, event, policy)
        case Judging():
            return _judging(state, event, policy)
        case _:
            assert_never(state)


def _idle(state: Idle, event: Event) -> Step:
    match event:
        case SpeechBegan(at_ms):
            return Listening(state.latest, at_ms), (OpenTurn(),)
        case _:
            return state, ()


def _listening(state: Listening, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechPaused(_, quiet_since_ms):
            return _evaluate(state, quiet_since_ms, must_end=False)
        case Tick(at_ms) if at_ms >= state.started_ms + policy.max_turn_ms:
            return _evaluate(state, at_ms, must_end=True)
        case WordsSoFar(_, text):
            return replace(state, words=text), ()
        case _:
            return state, ()


def _evaluate(state: Listening, quiet_since_ms: float, *, must_end: bool) -> Step:
    revision = state.latest + 1
    deciding = Deciding(revision, state.started_ms, quiet_since_ms, must_end=must_end, words=state.words)
    return deciding, (Evaluate(revision),)


def _deciding(state: Deciding, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechBegan() if not state.must_end:
            words = state.words if state.text is None else state.text
            return Listening(state.latest, state.started_ms, words), (Supersede(state.latest),)
        case Transcribed(at_ms, text, revision) if revision == state.latest and state.text is None:
            return _heard(state, text, at_ms, policy)
        case WordsSoFar(at_ms, text) if state.text is None:
            return _heard_so_far(replace(state, words=text), at_ms, policy)
        case EndJudged(at_ms, probability, revision) if revision == state.latest:
            return _settle(replace(state, probability=probability), at_ms, policy)
        case Tick(at_ms) if state.text is None:
            return _heard_so_far(state, at_ms, policy)
        case Tick(at_ms):
            return _settle(state, at_ms, policy)
        case _:
            return state, ()


def _heard(state: Deciding, text: str, at_ms: float, policy: Policy) -> Step:
    """These are the words of the turn."""
    if is_hush(text):
        return _dropped(state)
    thinking = (Think(state.latest, text),) if text else ()
    settled, effects = _settle(replace(state, text=text), at_ms, policy)
    return settled, thinking + effects


def _heard_so_far(state: Deciding, at_ms: float, policy: Policy) -> Step:
    """The final transcription is late. Nobody waits for it longer than for any other sign that the turn is over: then the
    newest words that are known are the turn's, and what comes later is no other turn."""
    if at_ms < state.quiet_since_ms + _longest_unheard_ms(state.words):
        return state, ()
    if not state.words:
        return Idle(state.latest), (DropTurn(state.latest, gave_up=True), ForgetAudio())
    return _heard(state, state.words, at_ms, policy)


def _settle(state: Deciding, at_ms: float, policy: Policy) -> Step:
    """Commit or drop, if the words are known and it has been quiet for long enough."""
    if state.text is None or at_ms < state.quiet_since_ms + patience_ms(state, policy):
        return state, ()
    if not state.text:
        return _dropped(state)
    rejoinable = NEVER if state.must_end else state.quiet_since_ms + REJOIN_MS
    return Answering(state.latest, state.latest, rejoinable), (Commit(state.latest), ForgetAudio())


def _dropped(state: Deciding | Listening) -> Step:
    return Idle(state.latest), (DropTurn(state.latest), ForgetAudio())


def _answering(state: Answering, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechBegan(at_ms):
            before = state.sound or state.unjudged
            after_ms = _rejoins_after_ms(state, at_ms)
            sound = Overlapping(state.latest, state.reply, at_ms, after_ms, before.words if before else "")
            if policy.interruptions == "never":
                return state, ()
            if policy.interruptions == "eager":
                return _taken(sound)
            return sound, (PauseVoice(),)
        case WordsSoFar(_, text) if state.sound is not None:
            sound = replace(state.sound, words=text)
            if _begins_to_take_floor(text):
                # It went on for so long that it was let go, and turns out to be speech after all.
                return _taken(replace(sound, rejoins_after_ms=None))
            return replace(state, sound=sound), ()
        case WordsSoFar(at_ms, text) if state.unjudged is not None:
            unjudged = replace(state.unjudged, words=text)
            if _begins_to_take_floor(text):
                return _taken_unheard(unjudged, at_ms, policy)
            return replace(state, unjudged=unjudged), ()
        case SpeechPaused(_, quiet_since_ms) if state.sound is not None:
            # On a busy machine its words may be late; what the whole of it says is worth another look, but not another pause.
            revision, sound = state.latest + 1, state.sound
            judging = Judging(revision, state.reply, sound.started_ms, quiet_since_ms, words=sound.words)
            return Answering(revision, state.reply, unjudged=judging), (Evaluate(revision),)
        case SpeechPaused():
            # Sound that was not taken for an interruption must not become the beginning of the next utterance.
            return state, (ForgetAudio(),)
        case EndJudged(_, probability, revision) if state.unjudged is not None and revision == state.latest:
            return replace(state, unjudged=replace(state.unjudged, probability=probability)), ()
        case Transcribed(_, _, revision) if state.unjudged is not None and revision == state.latest:
            return _judged(state.unjudged, event, (), policy)
        case Delivered(at_ms, revision) if revision == state.reply:
            if state.unjudged is not None:
                settled, effects = _heard_so_far(_undecided(state.unjudged), at_ms, policy)
                return settled, (OpenTurn(), *effects)
            if state.sound is not None:
                # Whoever speaks over the end of a reply would not be heard at all: their next pause would end nothing.
                return Listening(state.latest, state.sound.started_ms, state.sound.words), (OpenTurn(),)
            return Idle(state.latest), ()
        case _:
            return state, ()


def _rejoins_after_ms(state: Answering, at_ms: float) -> float | None:
    return at_ms - (state.may_rejoin_until_ms - REJOIN_MS) if at_ms < state.may_rejoin_until_ms else None


def _taken(sound: Overlapping) -> Step:
    interrupted = Interrupt(sound.reply, sound.rejoins_after_ms is not None)
    return Listening(sound.latest, sound.started_ms, sound.words), (interrupted, OpenTurn())


def _takes_floor(text: str) -> bool:
    return bool(text) and not is_backchannel(text)


def _begins_to_take_floor(text: str) -> bool:
    """The same of words that more may follow."""
    return _takes_floor(text) and not may_become_backchannel(text)


def _overlapping(state: Overlapping, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechPaused(_, quiet_since_ms):
            revision = state.latest + 1
            sound = Judging(revision, state.reply, state.started_ms, quiet_since_ms, state.rejoins_after_ms, words=state.words)
            return sound, (Evaluate(revision),)
        case WordsSoFar(_, text):
            sound_so_far = replace(state, words=text)
            if _begins_to_take_floor(text):
                return _taken(sound_so_far)
            return sound_so_far, ()
        case Tick(at_ms) if at_ms >= state.started_ms + _judged_after_ms(policy):
            if not policy.knows_words:
                return _taken(state)
            return Answering(state.latest, state.reply, sound=state), (ResumeVoice(),)
        case Delivered(_, revision) if revision == state.reply:
            # A reply that is only shown ends while somebody speaks: nothing is left to interrupt.
            return Listening(state.latest, state.started_ms, state.words), (ResumeVoice(), OpenTurn())
        case _:
            return state, ()


def _judging(state: Judging, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechBegan():
            sound = Overlapping(state.latest, state.reply, state.started_ms, state.rejoins_after_ms, state.words)
            if _begins_to_take_floor(state.words):
                return _taken(sound)
            return sound, ()
        case EndJudged(_, probability, revision) if revision == state.latest:
            return replace(state, probability=probability), ()
        case WordsSoFar(_, text):
            # The whole of the sound is being transcribed, which is surer. Only where that is late do these words count.
            return replace(state, words=text), ()
        case Transcribed(_, _, revision) if revision == state.latest:
            return _judged(state, event, (ResumeVoice(),), policy)
        case Delivered(at_ms, revision) if revision == state.reply:
            settled, effects = _heard_so_far(_undecided(state), at_ms, policy)
            return settled, (ResumeVoice(), OpenTurn(), *effects)
        case Tick(at_ms) if at_ms >= state.quiet_since_ms + LONGEST_JUDGEMENT_MS:
            if _begins_to_take_floor(state.words):
                return _taken_unheard(state, at_ms, policy)
            return Answering(state.latest, state.reply, unjudged=state), (ResumeVoice(),)
        case _:
            return state, ()


def _judged(judging: Judging, words: Transcribed, resume: tuple[Effect, ...], policy: Policy) -> Step:
    """What the sound over the reply was."""
    if not _takes_floor(words.text):
        return Answering(judging.latest, judging.reply), (*resume, ForgetAudio())
    taken = (Interrupt(judging.reply, judging.rejoins_after_ms is not None), OpenTurn())
    if is_hush(words.text):
        return Idle(judging.latest), (*taken, DropTurn(judging.latest), ForgetAudio())
    decided = replace(_undecided(judging), text=words.text)
    settled, effects = _settle(decided, words.at_ms, policy)
    return settled, (*taken, Think(words.revision, words.text), *effects)


def _taken_unheard(judging: Judging, at_ms: float, policy: Policy) -> Step:
    """The final transcription is late, but enough is known: this is no sign of listening."""
    settled, effects = _heard_so_far(_undecided(judging), at_ms, policy)
    return settled, (Interrupt(judging.reply, judging.rejoins_after_ms is not None), OpenTurn(), *effects)


def _undecided(judging: Judging) -> Deciding:
    """The same sound as a turn of its own, because the reply is over."""
    return Deciding(
        judging.latest,
        judging.started_ms,
        judging.quiet_since_ms,
        probability=judging.probability,
        words=judging.words,
    )


def _typed(state: State, event: Typed) -> Step:
    _, silenced = _hushed(state)
    revision = state.latest + 1
    return Answering(revision, revision), (*silenced, Think(revision, event.text, typed=True), Commit(revision))


def _hushed(state: State) -> Step:
    match state:
        case Idle():
            return state, ()
        case Listening() | Deciding():
            return _dropped(state)
        case Answering() | Overlapping() | Judging():
            return Idle(state.latest), (Interrupt(state.reply), ForgetAudio())
        case _:
            assert_never(state)
