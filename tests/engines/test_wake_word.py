"""The small wake word models: they come with the package, so what they hear is tested wherever there is something to hear."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16, to_float, to_int16
from rtvi_local.bench.rooms import beside, crowd
from rtvi_local.bench.speech import read_wav
from rtvi_local.bench.utterances import speak
from rtvi_local.engines.interfaces import EngineError, Float32
from rtvi_local.engines.wake_word import CUTOFFS, SMALL_MODELS, MicroWakeWords, open_detector, small_model

SILENCE: Int16 = np.zeros(16_000, np.int16)


def heard(samples: Int16, words: tuple[str, ...] = SMALL_MODELS) -> list[str]:
    """The wake words in it, as 20 ms frames come, each once."""
    detector = open_detector(words)
    padded = np.concatenate([SILENCE, samples, SILENCE])
    found = [detector.push(padded[start : start + 320]) for start in range(0, padded.size, 320)]
    detector.close()
    return list(dict.fromkeys(word for word in found if word))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("okay_nabu", "okay nabu"),
        ("Okay Nabu", "okay nabu"),
        ("ok nabu", "okay nabu"),
        ("hey-jarvis", "hey jarvis"),
        (" Alexa ", "alexa"),
        ("hey computer", None),
        ("", None),
    ],
)
def test_a_wake_word_with_a_model_is_known_in_every_usual_spelling(written: str, meant: str | None) -> None:
    assert small_model(written) == meant


@pytest.mark.parametrize(("file", "word"), [("wake-okay-nabu.wav", "okay nabu"), ("wake-hey-jarvis.wav", "hey jarvis")])
def test_a_person_who_says_it_is_recognised(recordings: Path | None, file: str, word: str) -> None:
    if recordings is None:
        pytest.skip("there are no recordings here")
    assert heard(read_wav(recordings / file, 16_000)) == [word]


def test_people_who_say_something_else_are_not(recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("there are no recordings here")
    others = [path for path in sorted(recordings.glob("*.wav")) if not path.name.startswith("wake-")]
    assert others
    assert {path.name: heard(read_wav(path, 16_000)) for path in others} == {path.name: [] for path in others}


def test_among_people_who_talk_a_wake_word_is_heard_and_nothing_else_is(recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("there are no recordings here")
    paths = sorted(recordings.glob("*.wav"))
    others = [to_float(read_wav(path, 16_000)) for path in paths if not path.name.startswith("wake-")]
    people = crowd(others, 20 * 16_000)
    said = np.concatenate([*[to_float(SILENCE)] * 3, to_float(read_wav(recordings / "wake-okay-nabu.wav", 16_000))])
    # Two of the four the model would miss at the cutoff of a quiet room.
    for start_s in (0, 2, 4, 6):
        room = np.roll(people, start_s * 16_000)
        assert heard(to_int16(beside(said, room[: said.size], 2))) == ["okay nabu"], start_s
    for other in others:
        assert heard(to_int16(beside(other, people[: other.size], 10))) == []


@pytest.mark.parametrize(("room", "is_heard"), [(0, False), (300, True)])
@pytest.mark.parametrize("together", [1, 5])
def test_less_certainty_is_enough_in_a_noisy_room(room: int, is_heard: bool, together: int) -> None:
    class Model:
        probability_cutoff = CUTOFFS["okay nabu"]

        def process_streaming_prob(self, step: object) -> float:
            return 0.5

    features = SimpleNamespace(process_streaming=lambda _: [None])
    detector = MicroWakeWords({"okay nabu": Model()}, features, {})  # type: ignore[arg-type,dict-item]
    noise = np.random.default_rng(1).normal(size=(150, 320)) * np.where(np.arange(150) % 5, room, 3000)[:, None]
    found = [detector.push(piece.ravel().astype(np.int16)) for piece in noise.reshape(-1, together, 320)]
    assert (found[-1] == "okay nabu") is is_heard
    assert found[0] is None, "nothing is known of the room yet"


@pytest.mark.models
@pytest.mark.parametrize("word", SMALL_MODELS)
def test_the_voices_own_wake_words_are_recognised(models_directory: Path, word: str) -> None:
    assert heard(to_int16(speak(models_directory / "piper-en_US-joe-medium", word.title(), varied=False))) == [word]


@pytest.mark.models
@pytest.mark.parametrize("command", ["what time is it?", "turn on the light in the kitchen."])
def test_a_command_in_the_same_breath_does_not_hide_the_wake_word(models_directory: Path, command: str) -> None:
    said = speak(models_directory / "piper-en_US-joe-medium", f"Alexa {command}", varied=False)
    assert heard(to_int16(said)) == ["alexa"]


@pytest.mark.models
def test_other_words_that_sound_alike_do_not_stand_a_second_look(models_directory: Path) -> None:
    for text in ("Play some quiet music in the kitchen.", "I would like a glass of water."):
        assert heard(to_int16(speak(models_directory / "piper-en_US-joe-medium", text, varied=False))) == []


@pytest.mark.models
def test_other_synthesized_speech_is_not(speech: Float32) -> None:
    assert heard(to_int16(speech)) == []


def test_after_a_reset_nothing_of_what_woke_it_is_left(recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("there are no recordings here")
    samples = np.concatenate([SILENCE, read_wav(recordings / "wake-hey-jarvis.wav", 16_000)])
    detector = open_detector(["hey jarvis"])
    starts = iter(range(0, samples.size, 320))
    at = next(start for start in starts if detector.push(samples[start : start + 320]))
    # The model looks every 30 ms, not at every frame.
    going_on = [detector.push(samples[start : start + 320]) for start in (at + 320, at + 640)]
    assert "hey jarvis" in going_on
    detector.reset()
    assert not any(detector.push(SILENCE[:320]) for _ in range(50))
    detector.close()
    detector.close()


def test_a_machine_that_cannot_run_the_models_is_told_what_works_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_wakeword", None)
    with pytest.raises(EngineError, match="other names work"):
        open_detector(["alexa"])
