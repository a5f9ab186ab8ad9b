"""A person's own pace, learnt within a conversation: on engines without models, in virtual time."""

from __future__ import annotations

from rtvi_local import virtual_clock
from tests.pipeline.test_conversation import Call

DOUBTFUL = 0.2
"""What the turn detector thinks of every silence here: the words and the pace decide."""
WHOLE = "I would like some tea."


async def waits_ms(*said: tuple[str, int], as_one: str = WHOLE) -> float:
    """How long after "And a cake, please." an answer is heard by somebody who said this in the turn before: the texts that
    are transcribed, and the silence behind each. They are remembered `as_one`."""
    call = Call(
        *(text for text, _ in said), "And a cake, please.", replies=["Here you are."] * 9, probabilities=[DOUBTFUL] * 99
    )
    for _, silence_ms in said:
        await call.speak(800)
        await call.be_quiet(silence_ms)
    assert [message["content"] for message in call.said] == [as_one, "Here you are."]
    await call.speak(800)
    spoken_ms = call.now_ms
    await call.be_quiet(4000)
    await call.hang_up()
    return next(at_ms for at_ms, samples in call.transport.audio if at_ms > spoken_ms and samples.any()) - spoken_ms


def test_whoever_paused_within_a_turn_is_given_more_time_in_the_next_and_never_more_than_a_second_and_a_half() -> None:
    hasty_ms = virtual_clock.run(waits_ms((WHOLE, 4000)))
    patient_ms = virtual_clock.run(waits_ms(("I would like", 1200), (WHOLE, 4000)))
    assert hasty_ms + 150 < patient_ms < 1500 + 150, "the first sound of an answer comes 0.1 s after the turn's end"


def test_whoever_was_answered_in_a_pause_is_given_more_time_in_the_next_turn() -> None:
    hasty_ms = virtual_clock.run(waits_ms((WHOLE, 4000)))
    halves = ("I would like tea.", 1000), ("With some milk.", 4000)
    cut_off_ms = virtual_clock.run(waits_ms(*halves, as_one="I would like tea. With some milk."))
    assert cut_off_ms > hasty_ms + 100
