"""Conversations with a loudspeaker beside the microphone, on engines without models, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.config import Config, Echo, Turns
from tests.audio.voices import babble, pcm, room_noise
from tests.pipeline.test_conversation import CONFIG, Call

ECHO_MS = 100
ECHO_GAIN = 0.5
ANSWER = "I can tell you a lot about the moon and about the stars and about the sun."


async def listen_beside_the_loudspeaker(call: Call, duration_ms: int, person: Int16 | None = None) -> None:
    """The microphone hears what the bot says ECHO_MS later, and the person if there is one."""
    loop = asyncio.get_running_loop()
    said = np.zeros(0, np.int16) if person is None else person
    due = loop.time()
    for index in range(duration_ms // 20):
        due += 0.02
        await asyncio.sleep(max(0.0, due - loop.time()))
        now_ms = loop.time() * 1000
        back = [samples for at_ms, samples in call.transport.audio if abs(at_ms - (now_ms - ECHO_MS)) < 10][-1:]
        heard = np.zeros(320, np.float64)
        for samples in back:
            heard += samples * ECHO_GAIN
        mine = said[index * 320 : (index + 1) * 320]
        heard[: mine.size] += mine
        call.conversation.on_audio(np.clip(heard, -32768, 32767).astype(np.int16), now_ms)


async def listen_in_silence(call: Call, duration_ms: int, person: Int16 | None = None) -> None:
    """The microphone hears nothing of the bot, and the person if there is one."""
    heard = pcm(room_noise(16 * duration_ms))
    if person is not None:
        heard[: person.size] += person[: heard.size]
    await call.transport.hear(call.conversation, heard)


async def ask(call: Call) -> None:
    await call.be_quiet(200)
    await call.speak(800)
    await call.be_quiet(500)


@pytest.mark.parametrize("interruptions", ["polite", "eager"])
def test_its_own_voice_does_not_interrupt_it(interruptions: str) -> None:
    async def story(config: Config) -> list[str]:
        call = Call("What do you know?", "what it says itself", replies=[ANSWER, "Pardon?"], config=config)
        await ask(call)
        await listen_beside_the_loudspeaker(call, 8000)
        await call.hang_up()
        return [str(message["content"]) for message in call.said]

    config = replace(CONFIG, turns=Turns(interruptions=interruptions))
    assert virtual_clock.run(story(config)) == ["What do you know?", ANSWER]
    deaf = virtual_clock.run(story(replace(config, echo=Echo(ignore=False))))
    assert deaf != ["What do you know?", ANSWER], "the test can fail"


def test_a_person_over_its_own_voice_interrupts_it() -> None:
    async def story() -> None:
        call = Call("What do you know?", replies=[ANSWER, "It is hot."])
        await ask(call)
        await listen_beside_the_loudspeaker(call, 1500)
        await listen_beside_the_loudspeaker(call, 5000, pcm(babble(1.0, seed=4, level_dbfs=-18)))
        question, answer, objection, *_ = [str(message["content"]) for message in call.said]
        assert question == "What do you know?"
        assert ANSWER.startswith(answer)
        assert len(answer) < len(ANSWER) / 2
        assert objection.startswith("I spoke for")
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("after_ms", [80, 200, 400])
def test_a_word_over_the_first_half_second_of_the_first_reply_is_an_interruption(after_ms: int) -> None:
    """Nothing comes back of that reply, but it is too early to know. Whoever says the word falls silent before it is known."""

    async def story() -> None:
        call = Call("What do you know?", "Stop.", replies=[ANSWER])
        await ask(call)
        while not any(samples.any() for _, samples in call.transport.audio):
            await listen_in_silence(call, 20)
        await listen_in_silence(call, after_ms)
        await listen_in_silence(call, 260, pcm(babble(0.26, seed=4, level_dbfs=-18)))
        await listen_in_silence(call, 3000)
        question, answer, *_ = [str(message["content"]) for message in call.said]
        assert "bot-interrupted" in call.types
        assert question == "What do you know?"
        assert ANSWER.startswith(answer)
        assert len(answer) < len(ANSWER) / 2
        await call.hang_up()

    virtual_clock.run(story())


def test_its_own_words_in_a_transcript_are_no_interruption_even_if_their_sound_was_taken_for_a_persons() -> None:
    async def story() -> None:
        call = Call("What do you know?", "about the", replies=[ANSWER, "Pardon?"])
        await ask(call)
        await listen_beside_the_loudspeaker(call, 1800)
        await listen_beside_the_loudspeaker(call, 10_000, pcm(babble(0.3, seed=4, level_dbfs=-15)))
        assert [str(message["content"]) for message in call.said] == ["What do you know?", ANSWER]
        assert "user-started-speaking" not in call.types[call.types.index("bot-started-speaking") :]
        await call.hang_up()

    virtual_clock.run(story())
