"""The button to talk, with real models: what is said while it is held, and that alone, is one turn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.words import normalised_words
from tests.integration.world import surest, world

pytestmark = pytest.mark.models

PAUSE_S = 1.5
WANTED = {"config": {"phrase_endpointing": {"push_to_talk": True}}}


def test_a_pause_of_whoever_holds_the_button_ends_no_turn_and_who_does_not_hold_it_is_not_heard(models_directory: Path) -> None:
    async def story() -> None:
        async with world(models_directory, surest, request_data=WANTED) as w:
            await w.say("What is the capital of Italy?")
            await asyncio.sleep(2)  # as long as an answer takes to begin, several times over
            assert not [m for m in w.caller.messages if m.type.startswith("user-")]

            halves = [await w.clear_speech(text) for text in ("What is the capital", "of France?")]
            silence = np.zeros(int(PAUSE_S * CALLER_RATE), np.int16)
            w.caller.send("client-message", {"t": "talk:press"})
            await w.caller.say(np.concatenate([halves[0], silence, halves[1]])).done.wait()
            assert not [m for m in w.caller.messages if m.type == "user-stopped-speaking"]
            released = len(w.caller.messages)
            w.caller.send("client-message", {"t": "talk:release"})
            await w.caller.wait_for("user-stopped-speaking", since=released, timeout_s=10)  # a turn may last for 30
            assert "paris" in (await w.answer(released)).lower()
            assert [m.type for m in w.caller.messages].count("user-started-speaking") == 1
            (heard,) = w.transcripts()
            words = normalised_words(heard)  # the silence in it costs Whisper an "of" now and then
            assert words[:4] == normalised_words("What is the capital")
            assert words[-1] == "france"

    asyncio.run(asyncio.wait_for(story(), 120))
