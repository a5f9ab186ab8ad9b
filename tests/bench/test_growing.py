"""The appliance's ears on the real models: what is said is heard while it is said, and what nobody said is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.growing import heard_while_spoken
from rtvi_local.bench.noises import NOISES, at_level
from rtvi_local.bench.utterances import LONG_SENTENCES, recorded, speak
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.interfaces import Float32
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def whisper(models_directory: Path) -> Iterator[Whisper]:
    model = Whisper.load(models_directory / "whisper-base", device="cpu", threads=2)
    yield model
    model.close()


@pytest.fixture(scope="module")
def silero(models_directory: Path) -> Silero:
    return Silero.load(models_directory / "silero-vad-v6")


def test_the_last_pass_over_15_seconds_of_speech_hears_a_few_of_them_and_all_is_known(
    whisper: Whisper, silero: Silero, models_directory: Path
) -> None:
    text = LONG_SENTENCES.read_text(encoding="utf-8").splitlines()[3]
    samples = speak(models_directory / "piper-en_US-joe-medium", text, varied=False)
    heard = heard_while_spoken(samples, silero.detector(), whisper)
    said = normalised_words(text)
    assert word_errors(said, normalised_words(heard.text)) / len(said) <= 0.10
    assert len(samples) > 10 * 16_000
    assert heard.tail_s < 5
    assert heard.first_words_ms is not None
    assert heard.first_words_ms < 1000


def test_who_really_thanks_for_watching_is_heard(
    whisper: Whisper, silero: Silero, recordings: Path | None, models_directory: Path
) -> None:
    text = "Thanks for watching and I hope you enjoyed the demo."
    samples = speak(models_directory / "piper-en_US-joe-medium", text, varied=False)
    if recordings is not None:
        samples = next(one.samples for one in recorded(recordings) if one.name == "thanks-for-watching.wav")
    heard = heard_while_spoken(samples, silero.detector(), whisper)
    assert word_errors(normalised_words(text), normalised_words(heard.text)) <= 1


@pytest.mark.parametrize("noise", ["silence", "pink noise", "keyboard", "tune"])
def test_noise_behind_speech_adds_no_words_to_it(whisper: Whisper, silero: Silero, speech: Float32, noise: str) -> None:
    once = heard_while_spoken(speech, silero.detector(), whisper)
    followed = heard_while_spoken(
        np.concatenate((speech, at_level(NOISES[noise](6 * 16_000), -45))), silero.detector(), whisper
    )
    assert word_errors(normalised_words(once.text), normalised_words(followed.text)) <= 1
