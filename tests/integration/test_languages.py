"""Another language from ear to voice: detected by the real Whisper, asked of the model, spoken by a voice for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import to_int16
from rtvi_local.config import Config, Stt
from rtvi_local.engines.fakes import ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.engines.interfaces import Float32, Voice
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.transports.loopback import LoopbackTransport
from tests.robot import said_by_a_robot

pytestmark = pytest.mark.models


def asked_and_spoken(sound: Float32, models: Path) -> tuple[str, list[str]]:
    """The person's words as the model was given them for the reply that was heard, and what the German voice spoke. There is an
    English one besides. Drafts that a pause called for may be in any language: so little of a sentence is easily mistaken."""
    voices = {language: ToneVoice(language=language) for language in ("en", "de")}
    model = ScriptedModel(lambda _: "Morgen.", first_token_ms=50)

    async def voice_for(language: str) -> Voice | None:
        return voices.get(language)

    async def story(whisper: Whisper) -> None:
        engines = Engines(
            ScriptedVad, ScriptedTurnDetector(), whisper, lambda _t, _s: False, model, voices["en"], voice_for=voice_for
        )
        transport = LoopbackTransport()
        conversation = Conversation(transport, engines, replace(Config(), stt=Stt(language="auto", interim_ms=0)))
        conversation.start()
        await transport.hear(conversation, np.concatenate([to_int16(sound), np.zeros(4 * 16_000, np.int16)]))
        conversation.on_closed("done")
        await conversation.ended()

    whisper = Whisper.load(models / "whisper-base", device="cpu", threads=2)
    virtual_clock.run(story(whisper))
    whisper.close()
    return str(model.prompts[-1][-1]["content"]), voices["de"].spoken


def test_who_speaks_german_is_answered_in_german_by_a_german_voice(models_directory: Path, tmp_path: Path) -> None:
    sentence = "Können Sie mir bitte sagen wann morgen der nächste Zug nach Hamburg fährt?"
    asked, spoken_in_german = asked_and_spoken(said_by_a_robot("de+f2", sentence, tmp_path), models_directory)
    assert asked.endswith(" (Answer in German.)")
    assert spoken_in_german == ["Morgen."]


def test_who_speaks_english_is_answered_without_a_word_about_it(models_directory: Path, speech: Float32) -> None:
    asked, spoken_in_german = asked_and_spoken(speech, models_directory)
    assert "Answer in" not in asked
    assert spoken_in_german == []
