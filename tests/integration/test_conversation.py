"""Conversations with real models over real WebRTC, heard as a client hears them."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.speech import read_wav, synthesize
from rtvi_local.bench.turns.kind import for_the_line
from rtvi_local.bench.utterances import speak
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.config import Config
from tests.integration.spoken_turn import assert_in_order
from tests.integration.world import World, surest, without_chance, world

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.models

SENTENCES = (
    "What is the capital of France?",
    "Please turn on the light in the kitchen.",
    "I would like to hear a story about a dragon.",
    "How many days are there in a year?",
    "My sister lives in a small town near the sea.",
)


async def heard_by_appliance(w: World, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> str:
    """What the appliance understood of all that was said. A pause within a recording may have ended a turn: the rest is
    known by the time that the answer is over and a second has passed, on a busy machine too."""
    since = len(w.caller.messages)
    await w.caller.say(samples).done.wait()
    count = -1
    while count != len(w.caller.messages):
        await w.answer(since)
        count = len(w.caller.messages)
        await asyncio.sleep(1)
    return " ".join(w.transcripts(since))


def briefly(config: Config) -> Config:
    """For tests that do not look at what is answered, only that it is."""
    return replace(config, llm=replace(config.llm, max_tokens=8))


def test_people_are_understood(models_directory: Path, recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("THERE ARE NO RECORDINGS: only synthesized speech is tested (RTVI_LOCAL_TEST_AUDIO names a folder)")
    said = tomllib.loads((Path(__file__).parents[1] / "data" / "recordings.toml").read_text())
    folder = recordings

    async def story() -> None:
        errors, words, misheard = 0, 0, ""
        async with world(models_directory, briefly) as w:
            for name, text in said.items():
                heard = await heard_by_appliance(w, read_wav(folder / name))
                wrong = word_errors(normalised_words(text), normalised_words(heard))
                errors, words = errors + wrong, words + len(normalised_words(text))
                misheard += f"; {wrong} in {name}: {heard!r}" if wrong else ""
        assert errors / words <= 0.10, f"{errors} of {words} words{misheard}"

    asyncio.run(story())


def test_clear_speech_is_understood_nearly_without_error(models_directory: Path) -> None:
    # Always the same sound: as the voice varies, one "France" in thirty is "friends" to Whisper, or "a lot of friends".
    voice = models_directory / "piper-en_US-joe-medium"
    sounds = [for_the_line(speak(voice, sentence, varied=False)) for sentence in SENTENCES]

    async def story() -> None:
        errors = words = 0
        async with world(models_directory, surest) as w:
            for sentence, sound in zip(SENTENCES, sounds, strict=True):
                since = len(w.caller.messages)
                await w.caller.say(sound).done.wait()
                await w.answer(since)
                heard = " ".join(w.transcripts(since))
                errors += word_errors(normalised_words(sentence), normalised_words(heard))
                words += len(normalised_words(sentence))
        assert errors / words <= 0.05, f"{errors} of {words} words"

    asyncio.run(story())


def test_three_turns_are_answered_in_sound_that_says_what_the_messages_say(still_models: Path) -> None:
    async def story() -> None:
        async with world(still_models, without_chance) as w:
            said_words = errors = undisturbed = 0
            # Of France it would be told that "France is Paris", which is "Francis Paris" to Whisper.
            for question in ("Hello. My name is David.", "What is the capital of Italy?", "What is my name?"):
                began_ms, since = w.caller.now_ms(), len(w.caller.messages)
                reply = await w.ask(question)
                told = w.told(since)
                audible = normalised_words(await w.understand(w.caller.heard_between(began_ms, w.caller.now_ms())))
                assert told
                said_words, errors = said_words + len(told), errors + word_errors(told, audible)
                turn = w.caller.messages[since:]
                # A sentence with a pause in it may be answered in the pause, and once more.
                if "bot-interrupted" not in [message.type for message in turn]:
                    assert_in_order(turn)
                    undisturbed += 1
            assert undisturbed
            assert "david" in reply.lower(), "the third turn refers to the first"
            assert errors / said_words <= 0.15, f"{errors} of {said_words} words sounded otherwise"
            assert [m.type for m in w.caller.messages if m.type in ("error", "error-response")] == []

    asyncio.run(story())


def test_an_interruption_silences_the_voice_at_once_and_what_was_not_heard_is_not_remembered(still_models: Path) -> None:
    async def story() -> None:
        async with world(still_models, without_chance) as w:
            # Before the story, which would be over on a slow machine.
            question = await w.clear_speech("Wait a moment, what is the capital of Italy?")
            w.caller.send("send-text", {"content": "Tell me a long story about a brave little dog."})
            await w.caller.wait_for("bot-started-speaking")
            await asyncio.sleep(1.5)
            since = len(w.caller.messages)
            said = w.caller.say(question)
            await said.done.wait()
            await w.caller.wait_for("bot-interrupted", since=since)
            await w.answer(since)
            silent_ms = _silent_from(w, said.first_sound_ms, since)
            assert silent_ms - said.first_sound_ms <= 400
            prompt = w.prompts[-1]
            assert [message["role"] for message in prompt] == ["system", "user", "assistant", "user"]
            heard = normalised_words(await w.understand(w.caller.heard_between(0, silent_ms)))
            remembered = str(prompt[2]["content"])
            assert abs(len(normalised_words(remembered)) - len(heard)) <= 2, f"remembered {remembered!r}, heard {heard}"
            # What dogs are called in stories is not always understood: these words spoken alone show how they sound to Whisper.
            alone = normalised_words(await w.understand(await synthesize(w.voice, remembered)))
            errors = min(word_errors(words, heard) for words in (normalised_words(remembered), alone))
            assert errors <= 2, f"remembered {remembered!r}, which sounds like {alone}, heard {heard}"

    asyncio.run(story())


def _silent_from(w: World, at_ms: float, since: int) -> float:
    """When the voice that sounded at `at_ms` was heard for the last time: whatever is audible from then until a new reply can
    have begun, which is not before the person's turn is over, is of the old one, pauses or not."""
    over_ms = next(message.at_ms for message in w.caller.messages[since:] if message.type == "user-stopped-speaking")
    return max(at_ms, w.caller.last_sound_before(over_ms) or at_ms)
