"""Who has the floor: a pure function from (state, event) to (state, effects).

The bug that this shape makes impossible: "the person is speaking", "a turn is open" and "a reply is under way" kept as
separate variables that can disagree, so that an utterance is ignored, or answered twice, or a voice stays paused for ever.
Here exactly one state holds at any moment, time arrives as an event, and what must happen by when is a property of the state
(`turn_waits.deadline`). Whoever runs this owns the state, feeds it every event in order, does what the effects say, and sends a
`Tick` when the deadline has come. What it does not know: audio, models, the wire.

Revisions: `latest` grows with every evaluation of what the person said and with every typed turn, and never shrinks; events
and effects about an older one than the state's own are void.
"""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import assert_never

from rtvi_local.pipeline.floor import begins_to_take_floor, is_hum, is_hush, takes_floor
from rtvi_local.pipeline.turn_states import (
    NEVER,
    Answering,
    Commit,
    Deciding,
    Delivered,
    DropTurn,
    Effect,
    EndJudged,
    Evaluate,
    Event,
    ForgetAudio,
    Hushed,
    Idle,
    Interrupt,
    Judging,
    Listening,
    OpenTurn,
    Overlapping,
    PauseVoice,
    Pressed,
    Released,
    ResumeVoice,
    SpeechBegan,
    SpeechPaused,
    SpeechSuspected,
    State,
    Supersede,
    Think,
    Tick,
    Transcribed,
    Typed,
    WordsJudged,
    WordsSoFar,
)
from rtvi_local.pipeline.turn_waits import (
    COMES_BACK_MS,
    LONGEST_JUDGEMENT_MS,
    LONGEST_TRANSCRIPTION_MS,
    REJOIN_MS,
    SHORTEST_MASKED_MS,
    SHORTEST_WORD_MS,
    Policy,
    ends_at_ms,
    judged_at_ms,
    longest_doubted_ms,
    longest_unheard_ms,
    patience_ms,
    rejoins_after_ms,
)

Step = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, policy: Policy) -> Step:
    """What is so after `event`, and what must be done, in this order. Total: an event that means nothing changes nothing."""
    match event:
        case Typed():
            return _typed(state, event)
        case Hushed():
            return _hushed(state)
        case Pressed():
            return _pressed(state)
        case Released(at_ms):
            return _released(state, at_ms, policy)
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
    deciding = Deciding(
        revision,
        state.started_ms,
        quiet_since_ms,
        must_end=must_end,
        words=state.words,
        over_voice=state.over_voice,
    )
    return deciding, (Evaluate(revision),)


def _deciding(state: Deciding, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechSuspected(at_ms):
            return replace(state, suspected_ms=at_ms), ()
        case SpeechBegan() if not state.must_end:
            return _goes_on(state)
        case Transcribed(at_ms, text, revision) if revision == state.latest and state.text is None:
            return _heard(state, text, at_ms, policy)
        case WordsSoFar(at_ms, text) if state.text is None:
            return _heard_so_far(replace(state, words=text), at_ms, policy)
        case EndJudged(at_ms, probability, revision) if revision == state.latest:
            return _settle(replace(state, probability=probability), at_ms, policy)
        case WordsJudged(at_ms, log_probability, revision) if revision == state.latest:
            return _settle(replace(state, ending=log_probability), at_ms, policy)
        case Tick(at_ms) if state.text is None:
            return _heard_so_far(state, at_ms, policy)
        case Tick(at_ms):
            return _settle(state, at_ms, policy)
        case _:
            return state, ()


def _goes_on(state: Deciding) -> Step:
    """It was a pause within the turn."""
    words = state.words if state.text is None else state.text
    return Listening(state.latest, state.started_ms, words, state.over_voice), (Supersede(state.latest),)


def _heard(state: Deciding, text: str, at_ms: float, policy: Policy) -> Step:
    """These are the words of the turn."""
    if state.over_end and is_hum(text):
        return _dropped(state)
    thinking = (Think(state.latest, text),) if text and not is_hush(text, over_voice=state.over_voice) else ()
    settled, effects = _settle(replace(state, text=text), at_ms, policy)
    return settled, thinking + effects


def _heard_so_far(state: Deciding, at_ms: float, policy: Policy) -> Step:
    """The final transcription is late. Nobody waits for it longer than for any other sign that the turn is over: then the
    newest words that are known are the turn's, and what comes later is no other turn."""
    if at_ms < state.quiet_since_ms + longest_unheard_ms(state.words):
        return state, ()
    if not state.words:
        return Idle(state.latest), (DropTurn(state.latest, gave_up=True), ForgetAudio())
    return _heard(state, state.words, at_ms, policy)


def _settle(state: Deciding, at_ms: float, policy: Policy) -> Step:
    """Commit or drop, if the words are known and it has been quiet for long enough. "Stop" waits too: "the timer" may come."""
    if state.text is None or at_ms < ends_at_ms(state, policy):
        return state, ()
    if not state.text or is_hush(state.text, over_voice=state.over_voice):
        return _dropped(state, said=state.text)
    may_be_doubted = state.ending is None and at_ms < longest_doubted_ms(state, policy)
    rejoinable = NEVER if state.must_end else state.quiet_since_ms + REJOIN_MS
    answering = Answering(state.latest, state.latest, rejoinable, ended=state if may_be_doubted else None)
    return answering, (Commit(state.latest, provisional=may_be_doubted), ForgetAudio())


def _dropped(state: Deciding | Listening, said: str = "") -> Step:
    return Idle(state.latest), (DropTurn(state.latest, said), ForgetAudio())


def _answering(state: Answering, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechBegan(at_ms):
            before = state.sound or state.unjudged
            words = before.words if before else ""
            sound = Overlapping(state.latest, state.reply, at_ms, state.may_rejoin_until_ms, words)
            if policy.interruptions == "never":
                return state, ()
            if policy.interruptions == "eager":
                return _taken(sound)
            return sound, (PauseVoice(),) if state.held_until_ms is None else ()
        case WordsSoFar(at_ms, text) if state.sound is not None:
            sound = replace(_let_go(state.sound, at_ms), words=text)
            if begins_to_take_floor(text):
                # It went on for so long that it was let go, and turns out to be speech after all.
                return _taken(sound)
            return replace(state, sound=sound), ()
        case WordsSoFar(at_ms, text) if state.unjudged is not None:
            unjudged = replace(state.unjudged, words=text)
            if begins_to_take_floor(text):
                return _taken_unheard(unjudged, at_ms, policy)
            return replace(state, unjudged=unjudged), ()
        case SpeechPaused(_, quiet_since_ms) if state.sound is not None:
            # On a busy machine its words may be late; what the whole of it says is worth another look, but not another pause.
            judging = _paused(_let_go(state.sound, quiet_since_ms), quiet_since_ms)
            return replace(_under(judging), unjudged=judging), (Evaluate(judging.latest),)
        case SpeechPaused():
            # Sound that was not taken for an interruption must not become the beginning of the next utterance.
            return state, (ForgetAudio(),)
        case EndJudged(_, probability, revision) if state.unjudged is not None and revision == state.latest:
            return replace(state, unjudged=replace(state.unjudged, probability=probability)), ()
        case Transcribed(_, _, revision) if state.unjudged is not None and revision == state.latest:
            return _judged(state.unjudged, event, (), policy)
        case WordsJudged(at_ms, log_probability, revision) if state.ended is not None and revision == state.reply:
            return _doubted(state, replace(state.ended, ending=log_probability), at_ms, policy)
        case Tick(at_ms) if state.held_until_ms is not None and at_ms >= state.held_until_ms:
            return replace(state, held_until_ms=None), (ResumeVoice(),)
        case Delivered(at_ms, revision) if revision == state.reply:
            if state.unjudged is not None:
                return _outlived(state.unjudged, (), at_ms, policy)
            if state.sound is not None:
                # Whoever speaks over the end of a reply would not be heard at all: their next pause would end nothing.
                return _own_turn(state.sound), (OpenTurn(),)
            return Idle(state.latest), () if state.held_until_ms is None else (ResumeVoice(),)
        case _:
            return state, ()


def _doubted(state: Answering, ended: Deciding, at_ms: float, policy: Policy) -> Step:
    """The turn was ended before it was known what the language model thinks of its last word: a reply takes as long to begin
    as that takes. If it was too soon, the reply waits as the turn would have."""
    until_ms = ended.quiet_since_ms + patience_ms(ended, policy)
    if at_ms >= until_ms:
        return replace(state, ended=None), ()
    return replace(state, ended=None, held_until_ms=until_ms), (PauseVoice(),)


def _taken(sound: Overlapping) -> Step:
    return _own_turn(sound), (_interrupt(sound, sound.words), OpenTurn())


def _own_turn(sound: Overlapping) -> Listening:
    """Of whoever speaks over a reply that is over."""
    return Listening(sound.latest, sound.started_ms, sound.words, over_voice=True)


def _interrupt(sound: Overlapping | Judging, words: str) -> Interrupt:
    """Whoever says "stop" soon after their turn means the reply. What was heard of that is remembered."""
    return Interrupt(sound.reply, rejoins=rejoins_after_ms(sound) is not None and not is_hush(words, over_voice=True))


def _let_go(sound: Overlapping, at_ms: float) -> Overlapping:
    """Music may begin in the pause too, and somebody speak much later: what went on for so long is no rest of a turn."""
    return replace(sound, may_rejoin_until_ms=NEVER) if at_ms > sound.started_ms + LONGEST_TRANSCRIPTION_MS else sound


def _paused(sound: Overlapping, quiet_since_ms: float) -> Judging:
    return Judging(
        sound.latest + 1, sound.reply, sound.started_ms, quiet_since_ms, sound.may_rejoin_until_ms, words=sound.words
    )


def _under(sound: Overlapping | Judging) -> Answering:
    """The reply goes on. A breath in the pause that ended the turn too early does not make another turn of the rest of it."""
    return Answering(sound.latest, sound.reply, sound.may_rejoin_until_ms)


def _overlapping(state: Overlapping, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechPaused(_, quiet_since_ms, masked):
            judging = replace(_paused(state, quiet_since_ms), masked=masked)
            return judging, (Evaluate(judging.latest),)
        case WordsSoFar(_, text):
            sound_so_far = replace(state, words=text)
            if begins_to_take_floor(text):
                return _taken(sound_so_far)
            return sound_so_far, ()
        case Tick(at_ms) if at_ms >= judged_at_ms(state, policy):
            if not policy.knows_words:
                return _taken(state)
            return replace(_under(state), sound=state), (ResumeVoice(),)
        case Delivered(_, revision) if revision == state.reply:
            # A reply that is only shown ends while somebody speaks: nothing is left to interrupt.
            return _own_turn(state), (ResumeVoice(), OpenTurn())
        case _:
            return state, ()


def _judging(state: Judging, event: Event, policy: Policy) -> Step:
    match event:
        case SpeechBegan(at_ms):
            sound = Overlapping(state.latest, state.reply, state.started_ms, state.may_rejoin_until_ms, state.words, at_ms)
            if begins_to_take_floor(state.words):
                return _taken(sound)
            return sound, ()
        case Tick(at_ms) if state.dismissed and at_ms >= state.quiet_since_ms + COMES_BACK_MS:
            return _under(state), (ResumeVoice(), ForgetAudio())
        case Delivered(_, revision) if state.dismissed and revision == state.reply:
            return Idle(state.latest), (ResumeVoice(), ForgetAudio())
        case _ if state.dismissed:
            return state, ()
        case EndJudged(_, probability, revision) if revision == state.latest:
            return replace(state, probability=probability), ()
        case WordsSoFar(_, text):
            # The whole of the sound is being transcribed, which is surer. Only where that is late do these words count.
            return replace(state, words=text), ()
        case Transcribed(at_ms, text, revision) if revision == state.latest:
            shortest_ms = SHORTEST_MASKED_MS if state.masked else SHORTEST_WORD_MS
            may_go_on = text or state.quiet_since_ms >= state.started_ms + shortest_ms
            if may_go_on and not takes_floor(text) and at_ms < state.quiet_since_ms + COMES_BACK_MS:
                return replace(state, words=text, dismissed=True), ()
            return _judged(state, event, (ResumeVoice(),), policy)
        case Delivered(at_ms, revision) if revision == state.reply:
            return _outlived(state, (ResumeVoice(),), at_ms, policy)
        case Tick(at_ms) if at_ms >= state.quiet_since_ms + LONGEST_JUDGEMENT_MS:
            if begins_to_take_floor(state.words):
                return _taken_unheard(state, at_ms, policy)
            return replace(_under(state), unjudged=state), (ResumeVoice(),)
        case _:
            return state, ()


def _judged(judging: Judging, words: Transcribed, resume: tuple[Effect, ...], policy: Policy) -> Step:
    """What the sound over the reply was."""
    if not takes_floor(words.text):
        return _under(judging), (*resume, ForgetAudio())
    heard, effects = _heard(_undecided(judging), words.text, words.at_ms, policy)
    return heard, (_interrupt(judging, words.text), OpenTurn(), *effects)


def _taken_unheard(judging: Judging, at_ms: float, policy: Policy) -> Step:
    """The final transcription is late, but enough is known: this is no sign of listening."""
    settled, effects = _heard_so_far(_undecided(judging), at_ms, policy)
    return settled, (_interrupt(judging, judging.words), OpenTurn(), *effects)


def _outlived(judging: Judging, resume: tuple[Effect, ...], at_ms: float, policy: Policy) -> Step:
    """The reply was heard whole before it is known what the sound over its end was."""
    settled, effects = _heard_so_far(replace(_undecided(judging), over_end=True), at_ms, policy)
    return settled, (*resume, OpenTurn(), *effects)


def _undecided(judging: Judging) -> Deciding:
    """The same sound as a turn of its own, because the reply is over."""
    return Deciding(
        judging.latest,
        judging.started_ms,
        judging.quiet_since_ms,
        probability=judging.probability,
        words=judging.words,
        over_voice=True,
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


def _pressed(state: State) -> Step:
    match state:
        case Idle() | Listening():
            return state, ()
        case Deciding():
            return _goes_on(state)
        case Answering() | Overlapping() | Judging():
            return _hushed(state)
        case _:
            assert_never(state)


def _released(state: State, at_ms: float, policy: Policy) -> Step:
    match state:
        case Idle() | Judging():
            return state, ()
        case Listening():
            return _evaluate(state, at_ms, must_end=True)
        case Deciding():
            return _settle(replace(state, must_end=True), at_ms, policy)
        case Overlapping():
            return _overlapping(state, SpeechPaused(at_ms, at_ms), policy)
        case Answering():
            # A sound whose words are still to come has ended before.
            return (state, ()) if state.unjudged else _answering(state, SpeechPaused(at_ms, at_ms), policy)
        case _:
            assert_never(state)
