from __future__ import annotations

import asyncio

import pytest

from rtvi_local import virtual_clock
from rtvi_local.pipeline.frames import Frame, Interrupted, SpeechStarted, Transcript
from rtvi_local.pipeline.turn_waits import Policy
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing


@pytest.mark.parametrize(("words", "interrupted"), [("I", False), ("I see", False), ("I want", True), ("Wait", True)])
def test_words_over_the_voice_that_may_become_a_sign_of_listening_are_waited_for(words: str, interrupted: bool) -> None:
    async def story() -> None:
        frames: list[Frame] = []
        stage = PhraseEndpointing(Policy(), lambda _: None, lambda: None)
        stage.emit = frames.append
        stage.type_text("Tell me a story.", speak_reply=True)
        await asyncio.sleep(3)
        stage.receive(SpeechStarted(3000.0))
        stage.receive(Transcript(words, False, 0))
        assert any(isinstance(frame, Interrupted) for frame in frames) == interrupted
        await stage.close()

    virtual_clock.run(story())
