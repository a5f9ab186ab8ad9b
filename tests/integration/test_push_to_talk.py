"""The button to talk, with real models: what is said while it is held, and that alone, is one turn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.speech import CALLER_RATE, synthesize
from rtvi_local.bench.words import normalised_words, word_errors
from tests.integration.world import without_chance, world

pytestmark = pytest.mark.models

HALVES = ("Please tell me", "what is the capital of Italy?")
PAUSE_S = 1.5
WANTED = {"config": {"phrase_endpointing": {"push_to_talk": True}}}


def test_a_pause_of_whoever_holds_the_button_ends_no_turn_and_who_does_not_hold_it_is_not_heard(still_models: Path) -> None:
    async def story() -> None:
        async with world(still_models, without_chance, request_data=WANTED) as w:
            await w.say("What is the capital of France?")
            await asyncio.sleep(2)  # as long as an answer takes to begin, several times over
            assert not [m for m in w.caller.messages if m.type.startswith("user-")]

            async def with_a_pause() -> Int16:
                before, after = [await synthesize(w.voice, text) for text in HALVES]
                return np.concatenate([before, np.zeros(int(PAUSE_S * CALLER_RATE), np.int16), after])

            wanted = normalised_words(" ".join(HALVES))
            question = await w.clearly(with_a_pause, lambda words: words == wanted)
            w.caller.send("client-message", {"t": "talk:press"})
            await w.caller.say(question).done.wait()
            assert not [m for m in w.caller.messages if m.type == "user-stopped-speaking"]
            released = len(w.caller.messages)
            w.caller.send("client-message", {"t": "talk:release"})
            await w.caller.wait_for("user-stopped-speaking", since=released, timeout_s=10)  # a turn may last for 30
            assert "rome" in (await w.answer(released)).lower()
            assert [m.type for m in w.caller.messages].count("user-started-speaking") == 1
            (heard,) = w.transcripts()
            words = normalised_words(heard)
            assert words[:3] == wanted[:3]
            assert word_errors(wanted, words) <= 1, heard

    asyncio.run(asyncio.wait_for(story(), 120))
