from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rtvi_local.pipeline.wakefulness import (
    Asleep,
    Awake,
    Event,
    ReplyOver,
    State,
    Tick,
    TurnClosed,
    TurnOpened,
    WakeWordHeard,
    deadline,
    step,
)

FOLLOW_UP_MS = 8000.0


def after(*events: Event) -> State:
    state: State = Asleep()
    for event in events:
        state = step(state, event, FOLLOW_UP_MS)
    return state


def test_nothing_but_the_wake_word_wakes() -> None:
    assert after(TurnOpened(1), TurnClosed(2, True), ReplyOver(3), Tick(4)) == Asleep()
    assert after(WakeWordHeard(5)) == Awake(8005)


def test_it_sleeps_again_if_nothing_is_said() -> None:
    assert isinstance(after(WakeWordHeard(0), Tick(7999)), Awake)
    assert after(WakeWordHeard(0), Tick(8000)) == Asleep()


def test_it_stays_awake_while_somebody_speaks_and_while_the_answer_is_heard() -> None:
    spoken = (WakeWordHeard(0), TurnOpened(7000), Tick(9000))
    assert isinstance(after(*spoken), Awake)
    answered = (*spoken, TurnClosed(10_000, True), Tick(30_000))
    assert isinstance(after(*answered), Awake)
    heard = after(*answered, ReplyOver(31_000))
    assert deadline(heard) == 39_000


def test_turns_that_come_to_nothing_do_not_keep_it_awake() -> None:
    noise = (TurnOpened(5000), TurnClosed(6000, False))
    assert deadline(after(WakeWordHeard(0), *noise)) == 8000
    assert after(WakeWordHeard(0), TurnOpened(7900), TurnClosed(9000, False)) == Asleep()


def test_an_interruption_told_after_the_next_turn_began_does_not_end_that_turn() -> None:
    state = after(WakeWordHeard(0), TurnOpened(1), TurnClosed(2, True), TurnOpened(3), ReplyOver(4), Tick(20_000))
    assert isinstance(state, Awake)


steps = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from(["wake", "open", "answered", "nothing", "over", "tick"])), max_size=60
)


@given(steps)
@settings(max_examples=300)
def test_wherever_events_lead_it_is_asleep_or_something_is_going_on_or_a_tick_will_end_it(
    script: list[tuple[int, str]],
) -> None:
    state: State = Asleep()
    now_ms = 0.0
    for pause_ms, kind in script:
        due_ms = deadline(state)
        if due_ms is not None and due_ms <= now_ms + pause_ms:
            state = step(state, Tick(due_ms), FOLLOW_UP_MS)
            assert state == Asleep()
        now_ms += pause_ms
        events: dict[str, Event] = {
            "wake": WakeWordHeard(now_ms),
            "open": TurnOpened(now_ms),
            "answered": TurnClosed(now_ms, True),
            "nothing": TurnClosed(now_ms, False),
            "over": ReplyOver(now_ms),
            "tick": Tick(now_ms),
        }
        before = state
        state = step(state, events[kind], FOLLOW_UP_MS)
        if isinstance(before, Asleep) and isinstance(state, Awake):
            assert kind == "wake"
        if isinstance(state, Awake) and not (state.turn_open or state.reply_under_way):
            left_ms = state.until_ms - now_ms
            assert 0 < left_ms <= FOLLOW_UP_MS
