from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from rtvi_local.bench.speech import read_wav
from rtvi_local.engines.interfaces import EngineError, TurnDetector
from rtvi_local.engines.smart_turn import HEARD_SAMPLES, MODEL_FILE, SmartTurn, features


@pytest.mark.parametrize("samples", [0, 3, 1_000, 40_000, 127_900, 128_000, 200_000])
def test_features_equal_those_of_the_whole_padded_window(samples: int) -> None:
    """Zero mean and unit variance over the 8 s with the zeros in front, then Whisper's log-mel."""
    audio = np.random.default_rng(0).normal(0.02, 0.1, samples).astype(np.float32)
    window = np.pad(audio[-HEARD_SAMPLES:], (max(HEARD_SAMPLES - samples, 0), 0))
    scaled = (window - window.mean(dtype=np.float64)) / np.sqrt(window.var(dtype=np.float64) + 1e-7)
    expected = FeatureExtractor(chunk_length=8)(scaled.astype(np.float32), padding=0)
    assert expected.shape == (80, 800)
    np.testing.assert_allclose(features(audio), expected, atol=2e-4)


@pytest.fixture(scope="module")
def smart_turn(models_directory: Path) -> Iterator[SmartTurn]:
    detector = SmartTurn.load(models_directory / "smart-turn-v3.2")
    yield detector
    detector.close()


@pytest.mark.models
def test_a_finished_sentence_and_one_that_goes_on(smart_turn: SmartTurn, recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("no recordings on this machine")
    shared: TurnDetector = smart_turn

    async def ask(name: str) -> float:
        return await shared.probability(read_wav(recordings / name, 16_000) / np.float32(32768))

    async def main() -> None:
        assert await ask("turn-on-the-living-room-light.wav") > 0.9
        assert await ask("lj001-0006.wav") < 0.1  # "… as an example of fine typography,"

    asyncio.run(main())


@pytest.mark.models
def test_only_the_last_8_seconds_count(smart_turn: SmartTurn) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * HEARD_SAMPLES).astype(np.float32)
    assert smart_turn.blocking_probability(noise) == smart_turn.blocking_probability(noise[-HEARD_SAMPLES:])


@pytest.mark.models
@pytest.mark.parametrize("kept", [0, 5_000, 8_000_000])
def test_a_truncated_file_is_named(models_directory: Path, tmp_path: Path, kept: int) -> None:
    broken = tmp_path / "smart-turn-v3.2"
    broken.mkdir()
    (broken / MODEL_FILE).write_bytes((models_directory / "smart-turn-v3.2" / MODEL_FILE).read_bytes()[:kept])
    with pytest.raises(EngineError, match=r"smart-turn-v3\.2: .*models pull smart-turn-v3\.2"):
        SmartTurn.load(broken)
