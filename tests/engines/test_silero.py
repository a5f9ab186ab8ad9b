from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.noises import at_level, pink
from rtvi_local.bench.speech import read_wav
from rtvi_local.engines.interfaces import EngineError, Float32, VoiceActivityDetector
from rtvi_local.engines.silero import MODEL_FILE, WINDOW_SAMPLES, Silero

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def silero(models_directory: Path) -> Silero:
    return Silero.load(models_directory / "silero-vad-v6")


def _probabilities(detector: VoiceActivityDetector, samples: Float32) -> list[float]:
    whole = len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES
    return [detector.probability(window) for window in samples[:whole].reshape(-1, WINDOW_SAMPLES)]


def test_speech_is_heard_and_noise_is_not(silero: Silero, speech: Float32) -> None:
    heard = _probabilities(silero.detector(), speech)
    assert np.mean(np.array(heard) > 0.5) > 0.5
    assert max(_probabilities(silero.detector(), at_level(pink(64_000), -40))) < 0.5


def test_the_first_window_of_a_person_s_speech_is_not_forgotten_by_the_next(silero: Silero, speech: Float32) -> None:
    """Without the 64 samples of context between windows, the model's answers differ by tenths."""
    detector = silero.detector()
    whole = _probabilities(detector, speech)
    detector.reset()
    assert _probabilities(detector, speech) == whole


def test_conversations_do_not_disturb_each_other(silero: Silero, speech: Float32) -> None:
    alone = _probabilities(silero.detector(), speech)
    one, other = silero.detector(), silero.detector()
    noise = at_level(pink(WINDOW_SAMPLES), -20)
    together = []
    for window in speech[: len(alone) * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES):
        together.append(one.probability(window))
        other.probability(noise)
    assert together == alone


def test_a_recorded_sentence_has_clear_edges(silero: Silero, recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("no recordings on this machine")
    samples = read_wav(recordings / "turn-on-the-living-room-light.wav", 16_000) / np.float32(32768)
    quiet = np.zeros(16_000, np.float32)
    heard = np.array(_probabilities(silero.detector(), np.concatenate((quiet, samples, quiet))))
    assert heard[:30].max() < 0.2
    assert heard.max() > 0.95
    assert heard[-20:].max() < 0.2


@pytest.mark.parametrize("kept", [0, 5_000, 600_000])
def test_a_truncated_file_is_named(models_directory: Path, tmp_path: Path, kept: int) -> None:
    broken = tmp_path / "silero-vad-v6"
    broken.mkdir()
    (broken / MODEL_FILE).write_bytes((models_directory / "silero-vad-v6" / MODEL_FILE).read_bytes()[:kept])
    with pytest.raises(EngineError, match=r"silero-vad-v6: .*models pull silero-vad-v6"):
        Silero.load(broken)


def test_another_model_is_refused(models_directory: Path, tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_bytes(next((models_directory / "smart-turn-v3.2").glob("*.onnx")).read_bytes())
    with pytest.raises(EngineError, match="another model"):
        Silero.load(tmp_path)
