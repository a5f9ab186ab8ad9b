"""What people say over the very beginning of a conversation's first reply: real ears and a real voice, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import onset
from rtvi_local.bench.turns.echo import EchoScene
from rtvi_local.bench.turns.echo_offline import Ears, KeptVoice, play
from rtvi_local.bench.turns.engines import Answers, KeptTranscriber
from rtvi_local.bench.turns.kind import Outcome, for_the_line
from rtvi_local.bench.turns.sounds import at_level
from rtvi_local.bench.utterances import speak
from rtvi_local.config import Config
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper
from tests.integration import still_voice

REPLY = (
    "The moon is about four hundred thousand kilometres away from us and it takes nearly a month to go around the earth once"
)


@pytest.fixture(scope="module")
def ears(still_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ears]:
    whisper = Whisper.load(still_models / "whisper-base", device="cpu", threads=2)
    voice = PiperVoice.load(still_models / still_voice.NAME, device="cpu", threads=2)
    words = Answers(tmp_path_factory.mktemp("answers") / "whisper.json")
    yield Ears(Silero.load(still_models / "silero-vad-v6"), KeptTranscriber(whisper, words), KeptVoice(voice))
    whisper.close()
    voice.close()


def over_the_reply(ears: Ears, models: Path, said: str, after_s: float) -> Outcome:
    """`said` so long after the first sound of the reply, without an echo."""
    sound = for_the_line(at_level(speak(models / "piper-en_US-joe-medium", said, varied=False), -30))
    sound = sound[onset(sound) :]
    scene = EchoScene(said, -30, 20, REPLY, said, after_s, sound)
    return virtual_clock.run(play(ears, Config(), scene, echoes=False, jitter_ms=0))


@pytest.mark.parametrize("after_s", [0.05, 0.2])
def test_a_short_word_is_heard_though_it_is_over_before_the_way_of_the_voice_is_known(
    ears: Ears, models_directory: Path, after_s: float
) -> None:
    outcome = over_the_reply(ears, models_directory, "Thank you.", after_s)
    assert outcome["early"] == []
    assert outcome["stopped_ms"] is not None, "the reply goes on"
    assert "thank" in " ".join(outcome["words"]).lower()
