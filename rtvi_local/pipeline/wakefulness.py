"""Asleep or awake: a pure function from (state, event) to state, for whoever waits for a wake word.

What it promises: awake by a wake word and nothing else; never asleep while a person has the floor or a reply to them is under
way; asleep again `follow_up_ms` after the last of that, whatever noise was heard meanwhile. Only what was answered prolongs the
waking: a television that opens turns which come to nothing does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_extensions import assert_never


@dataclass(frozen=True, slots=True)
class Asleep:
    pass


@dataclass(frozen=True, slots=True)
class Awake:
    until_ms: float
    """When it falls asleep, if nothing is going on then."""
    turn_open: bool = False
    reply_under_way: bool = False
    # Two facts, not one "busy": the end of a reply is often told after the turn that interrupted it began.


State = Asleep | Awake


@dataclass(frozen=True, slots=True)
class WakeWordHeard:
    at_ms: float


@dataclass(frozen=True, slots=True)
class TurnOpened:
    at_ms: float


@dataclass(frozen=True, slots=True)
class TurnClosed:
    """It will be answered, or it came to nothing."""

    at_ms: float
    answered: bool


@dataclass(frozen=True, slots=True)
class ReplyOver:
    """Heard to its end, or interrupted."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Tick:
    at_ms: float


Event = WakeWordHeard | TurnOpened | TurnClosed | ReplyOver | Tick


def deadline(state: State) -> float | None:
    """When a Tick must arrive at the latest, if nothing else happens."""
    match state:
        case Awake(until_ms, False, False):
            return until_ms
        case _:
            return None


def step(state: State, event: Event, follow_up_ms: float) -> State:
    """What is so after `event`. Total: an event that means nothing changes nothing."""
    if isinstance(state, Asleep):
        return Awake(event.at_ms + follow_up_ms) if isinstance(event, WakeWordHeard) else state
    match event:
        case WakeWordHeard(at_ms):
            return replace(state, until_ms=max(state.until_ms, at_ms + follow_up_ms))
        case TurnOpened():
            return replace(state, turn_open=True)
        case TurnClosed(at_ms, answered):
            return _settled(replace(state, turn_open=False, reply_under_way=state.reply_under_way or answered), at_ms)
        case ReplyOver(at_ms):
            until_ms = max(state.until_ms, at_ms + follow_up_ms) if state.reply_under_way else state.until_ms
            return _settled(replace(state, reply_under_way=False, until_ms=until_ms), at_ms)
        case Tick(at_ms):
            return _settled(state, at_ms)
        case _:
            assert_never(event)


def _settled(state: Awake, at_ms: float) -> State:
    due_ms = deadline(state)
    return Asleep() if due_ms is not None and at_ms >= due_ms else state
