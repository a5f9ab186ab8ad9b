"""Asleep until it is called: real wake word models, real Whisper, a real voice, over real WebRTC."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.loudspeaker import Loudspeaker
from rtvi_local.bench.speech import synthesize
from rtvi_local.bench.words import normalised_words
from tests.integration.world import World, without_chance, world

pytestmark = pytest.mark.models

PIPELINE = (
    "wake_words_gate", "phrase_endpointing", "processing_sound_emitter", "llm_context", "llm", "tts", "llm_context",
)  # fmt: skip
"""As in RTVI's founding document."""
FOLLOW_UP_S = 3.0
ECHO_DB = -6.0
"""What the microphone takes in of the loudspeaker's sound: about as loud as a person beside it."""


def states(w: World) -> list[str]:
    return [m.data["state"] for m in w.caller.messages if m.type == "server-message" and m.data["type"] == "wake-state"]


async def sleeps(w: World) -> None:
    """Wait until it does."""
    await w.caller.wait_until(lambda: states(w)[-1:] == ["asleep"], "still awake", timeout_s=30)


def came(w: World) -> set[str]:
    """The types of all that the client was told."""
    return {message.type for message in w.caller.messages}


def transcriptions(w: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Samples of all that the appliance's own Whisper is given from now on."""
    assert w.appliance._engines is not None
    whisper, given = w.appliance._engines.transcriber, []
    transcribe = whisper.transcribe

    async def counted(samples: Any, **options: Any) -> Any:
        given.append(len(samples))
        return await transcribe(samples, **options)

    monkeypatch.setattr(whisper, "transcribe", counted)
    return given


async def called(w: World, word: str, command: str) -> Int16:
    """Both in one breath, spoken so that Whisper understands the command; how it spells the word is looked at here."""
    wanted = normalised_words(command)
    return await w.clearly(lambda: synthesize(w.voice, f"{word}, {command}"), lambda words: words[-len(wanted) :] == wanted)


async def turn(w: World, samples: Int16) -> tuple[list[str], str]:
    """The words of the turn that this makes, and the answer to it."""
    since = len(w.caller.messages)
    await w.caller.say(samples).done.wait()
    answer = await w.answer(since)
    return normalised_words(" ".join(w.transcripts(since))), answer


def test_trigger_words_that_only_a_transcript_shows_wake_it_and_are_no_part_of_the_question(still_models: Path) -> None:
    wanted = {
        "pipeline": PIPELINE,
        "config": {
            "wake_words_gate": {"trigger_words": ["hey computer", "ok computer"]},
            "processing_sound_emitter": {"sound": "ding"},
        },
    }

    async def story() -> None:
        async with world(still_models, without_chance, request_data=wanted) as w:
            await w.say("What is the capital of Italy?")
            await asyncio.sleep(2.5)  # as long as an answer takes to begin, several times over
            assert states(w) == ["asleep"]
            assert came(w) == {"bot-ready", "server-message"}
            words, answer = await turn(w, await called(w, "Hey computer", "what is the capital of France?"))
            assert words == normalised_words("What is the capital of France?")
            assert "paris" in answer.lower(), answer
            assert states(w) == ["asleep", "awake"]

    asyncio.run(story())


def test_a_small_model_wakes_it_without_a_transcription_but_not_by_its_own_voice(
    still_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"config": {"wake_words_gate": {"trigger_words": ["okay nabu"], "follow_up_s": FOLLOW_UP_S}}}

    async def story() -> None:
        async with world(still_models, without_chance, request_data=wanted) as w:
            given = transcriptions(w, monkeypatch)
            await w.say("Please turn on the light in the kitchen.")
            await asyncio.sleep(2.5)

            w.caller.surroundings = Loudspeaker(w.caller.arrivals, gain_db=ECHO_DB, delay_ms=120).heard
            began_ms = w.caller.now_ms()
            w.caller.send("client-message", {"t": "tts:say", "d": {"text": "Okay Nabu. Okay Nabu!"}})
            await w.caller.wait_for("bot-stopped-speaking")
            await w.caller.quiet_for(1500)
            assert states(w) == ["asleep"]
            assert not {type for type in came(w) if type.startswith("user-")}
            assert given == []

            # The same sound, said by somebody else, does wake it.
            w.caller.surroundings = None
            own = w.caller.heard_between(began_ms, w.caller.now_ms())
            await w.caller.say(own).done.wait()
            await w.caller.wait_until(lambda: states(w)[:2] == ["asleep", "awake"], "not woken")
            await sleeps(w)

            asleep = len(given)
            await w.say("My sister lives in a small town near the sea.")
            await asyncio.sleep(2.5)
            assert len(given) == asleep
            words, _ = await turn(w, await called(w, "Okay Nabu", "what time is it?"))
            assert words == normalised_words("What time is it?")

    asyncio.run(story())
