from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from rtvi_local.engines.interfaces import Float32
from rtvi_local.engines.log_mel import log_mel, mel_filters


def _chirp(samples: int) -> Float32:
    seconds = np.arange(samples) / 16_000
    noise = np.random.default_rng(0).normal(0, 0.01, samples)
    return (0.3 * np.sin(2 * np.pi * (100 + 900 * seconds) * seconds) + noise).astype(np.float32)


@pytest.mark.parametrize("bands", [80, 128])
def test_filters_are_whispers(bands: int) -> None:
    assert np.abs(mel_filters(bands).T - FeatureExtractor(feature_size=bands).mel_filters).max() < 1e-6


@pytest.mark.parametrize("samples", [201, 16_000, 38_016, 79_999])
def test_features_equal_those_of_the_audio_padded_with_zeros(samples: int) -> None:
    frames = (samples + 32_000) // 160
    audio = _chirp(samples)
    expected = FeatureExtractor()(np.pad(audio, (0, frames * 160 - samples)), padding=0)[:, :frames]
    features = log_mel(audio, 80, frames)
    assert features.shape == (80, frames)
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_no_audio_is_silence() -> None:
    features = log_mel(np.empty(0, np.float32), 80, 500)
    np.testing.assert_allclose(features, -1.5, atol=1e-6)
