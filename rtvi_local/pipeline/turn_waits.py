"""How long turn-taking waits for what: a conversation's settings, its person's pace as it is learnt, the states' deadlines.
Pure. What the words and the turn detector say about a silence is in `patience`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from typing_extensions import assert_never

from rtvi_local.pipeline import patience
from rtvi_local.pipeline.floor import is_hush
from rtvi_local.pipeline.turn_states import (
    NEVER,
    Answering,
    Deciding,
    Delivered,
    Event,
    Idle,
    Judging,
    Listening,
    Overlapping,
    SpeechBegan,
    State,
    Transcribed,
    Typed,
    WordsSoFar,
)

LONGEST_TRANSCRIPTION_MS = 2500.0
"""Of silence, after which a turn is given up of whose words nothing at all is known. The client is told, nothing is said aloud:
it may have been noise. A transcription begins 0.1 s into the silence and takes 0.55 s on two cores (p90 of `rtvi-local bench`):
there is time for four.
Where an interim transcript is known, the silence is never longer than patience.LONGEST_SILENCE_MS. The engine's failure is an
event of its own; this is the net."""
LONGEST_JUDGEMENT_MS = 600.0
"""A paused voice comes back within this time if the words over it don't become known: a second, as it is heard from outside."""
COMES_BACK_MS = 500.0
"""Of silence after a sound that does not take the floor, before the voice comes back. "Okay, stop" and "Actually, turn on the
light" have pauses of 0.2 to 0.4 s behind their first word, and a voice that comes back in them is cut off once more."""
SHORTEST_WORD_MS = 350.0
"""A sound that is shorter and has no words is a knock, or a bit of echo: nothing follows, and the voice comes back at once."""
SHORTEST_MASKED_MS = 90.0
"""The same over an echo, which hides how a word begins: of "Wait, what …" and "No, I …" 0.2 s were heard and not understood. A
voice that came back in the pause fell silent for good after 0.7 to 1 s."""
ONSET_MS = 48.0
"""From a first window of the voice activity detector that sounds like speech to the second, which makes it speech, and the
packet that brings it. Beyond the longest silence: from outside it is still below 1.5 s."""
REJOIN_MS = 1500.0
"""After their last sound, within which a person who speaks again goes on with their turn rather than beginning another."""
LONGEST_WORDLESS_MS = 1100.0
"""Sound over the voice in which no words are found by then is music, or a machine: an interim transcript is due every half
second and takes a quarter."""
LONGEST_HELD_MS = 3000.0
"""Noise with pauses in it must not hold the voice for ever."""


Interruptions = Literal["never", "polite", "eager"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of a conversation's turn-taking. Milliseconds of silence, unless it says otherwise."""

    wait_complete_ms: float = 170.0
    wait_incomplete_ms: float = 1500.0
    wait_unjudged_ms: float = 500.0
    """Where there is no turn detector."""
    detects_end: bool = True
    max_turn_ms: float = 30_000.0
    interruptions: Interruptions = "polite"
    floor_ms: float = 600.0
    """Speech over the reply that takes the floor where `knows_words` is off: words that are known take it by what they say."""
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
            ending=state.ending,
            complete_ms=policy.wait_complete_ms,
            incomplete_ms=policy.wait_incomplete_ms,
            pace_ms=policy.pace_ms,
        )
    return patience.unjudged_ms(
        text,
        ending=state.ending,
        wait_ms=policy.wait_unjudged_ms,
        incomplete_ms=policy.wait_incomplete_ms,
        pace_ms=policy.pace_ms,
    )


def ends_at_ms(state: Deciding, policy: Policy) -> float:
    """When this turn is over, if nothing more is said. Nobody is answered in the moment in which they go on."""
    due_ms = state.quiet_since_ms + patience_ms(state, policy)
    return max(due_ms, state.suspected_ms + ONSET_MS) if state.suspected_ms <= due_ms else due_ms


def longest_doubted_ms(state: Deciding, policy: Policy) -> float:
    """Until when the reply to this turn would be held if the language model thought nothing of its words' end. Whole questions
    are not doubted: to be told what it thinks costs 8 ms of the time to its first word."""
    if patience.shape(state.text or "") is patience.Shape.FINISHED:
        return NEVER
    return ends_at_ms(replace(state, ending=NEVER), policy)


def learnt(policy: Policy, before: State, event: Event, after: State) -> Policy:
    """The policy for what comes next, with what this step told about the person's pace."""
    match before, event, after:
        case Deciding(), SpeechBegan(at_ms), Listening():
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, at_ms - before.quiet_since_ms))
        case Answering() | Overlapping() | Judging(), _, _:
            sound = _sound_over_reply(before, event)
            pause_ms = rejoins_after_ms(sound) if sound else None
            goes_on = isinstance(after, Listening | Deciding) or (isinstance(after, Answering) and after.reply != before.reply)
            is_hushed = isinstance(event, WordsSoFar | Transcribed) and is_hush(event.text, over_voice=True)
            if pause_ms is None or not goes_on or is_hushed or isinstance(event, Delivered | Typed):
                return policy
            # The turn was ended in a pause: the surest sign of all that this person makes longer ones.
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, pause_ms))
        case Deciding(), _, Answering():
            return replace(policy, pace_ms=patience.learnt(policy.pace_ms, 0.0))
        case _:
            return policy


def _sound_over_reply(state: Answering | Overlapping | Judging, event: Event) -> Overlapping | Judging | None:
    if not isinstance(state, Answering):
        return state
    if isinstance(event, SpeechBegan):
        return Overlapping(state.latest, state.reply, event.at_ms, state.may_rejoin_until_ms)
    return state.sound or state.unjudged


def deadline(state: State, policy: Policy) -> float | None:
    """When a Tick must arrive at the latest, if nothing else happens."""
    match state:
        case Idle():
            return None
        case Answering():
            return state.held_until_ms
        case Listening():
            return state.started_ms + policy.max_turn_ms
        case Deciding(text=None):
            return state.quiet_since_ms + longest_unheard_ms(state.words)
        case Deciding():
            return ends_at_ms(state, policy)
        case Overlapping():
            return judged_at_ms(state, policy)
        case Judging():
            return state.quiet_since_ms + (COMES_BACK_MS if state.dismissed else LONGEST_JUDGEMENT_MS)
        case _:
            assert_never(state)


def longest_unheard_ms(words: str) -> float:
    """How much silence the final transcription may take until these interim words have to do."""
    return patience.LONGEST_SILENCE_MS if words else LONGEST_TRANSCRIPTION_MS


def judged_at_ms(sound: Overlapping, policy: Policy) -> float:
    """When it is decided what a sound is that goes on over the reply. What is said after a short pause has its own time to
    become known in: words that are under way must not find the voice on its way back."""
    if not policy.knows_words:
        return sound.started_ms + policy.floor_ms
    if sound.again_ms is None:
        return sound.started_ms + LONGEST_WORDLESS_MS
    return min(sound.again_ms + LONGEST_WORDLESS_MS, sound.started_ms + LONGEST_HELD_MS)


def rejoins_after_ms(sound: Overlapping | Judging) -> float | None:
    """How long after the turn's last sound this one began, if that is so soon that it belongs to the turn."""
    until_ms = sound.may_rejoin_until_ms
    return sound.started_ms - (until_ms - REJOIN_MS) if sound.started_ms < until_ms else None
