"""A conversation that takes its own voice out of what it hears (echo.cancel), with WebRTC's canceller, in virtual time."""

from __future__ import annotations

from dataclasses import replace

from rtvi_local import virtual_clock
from rtvi_local.config import Echo
from tests.pipeline.test_conversation import CONFIG, Call
from tests.pipeline.test_own_voice import ANSWER, ask, listen_beside_the_loudspeaker


async def heard(echo: Echo) -> list[str]:
    call = Call("What do you know?", replies=[ANSWER, "Pardon?"], config=replace(CONFIG, echo=echo))
    await ask(call)
    await listen_beside_the_loudspeaker(call, 8000)
    await call.hang_up()
    return [str(message["content"]) for message in call.said]


def test_where_its_own_voice_is_cancelled_it_does_not_interrupt_itself() -> None:
    """Nothing but the canceller knows what was sent here (echo.ignore is off)."""
    assert virtual_clock.run(heard(Echo(ignore=False, cancel=True))) == ["What do you know?", ANSWER]
    assert virtual_clock.run(heard(Echo(ignore=False))) != ["What do you know?", ANSWER], "the test can fail"
