"""Sounds that nobody speaks in, each of `samples` samples at 16 kHz, unscaled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rtvi_local.engines.interfaces import Float32


def silence(samples: int) -> Float32:
    return np.zeros(samples, np.float32)


def white(samples: int) -> Float32:
    return np.random.default_rng(1).normal(size=samples).astype(np.float32)


def pink(samples: int) -> Float32:
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(size=samples))
    bands = np.maximum(np.arange(len(spectrum)), 1)
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(bands), samples), np.float32)


def hum(samples: int) -> Float32:
    seconds = np.arange(samples) / 16_000
    return np.asarray(np.sum([np.sin(2 * np.pi * 50 * h * seconds) / h for h in range(1, 9)], axis=0), np.float32)


def keyboard(samples: int) -> Float32:
    chance = np.random.default_rng(3)
    sound = np.zeros(samples, np.float32)
    for start in chance.integers(0, samples - 400, max(samples // 2500, 1)):
        sound[start : start + 400] += chance.normal(size=400) * np.exp(-np.arange(400) / 60)
    return sound


def tune(samples: int) -> Float32:
    chance = np.random.default_rng(4)
    sound = np.zeros(samples, np.float32)
    for start in range(0, samples, 4000):
        seconds = np.arange(min(8000, samples - start)) / 16_000
        pitch_hz = 220 * 2 ** (chance.integers(0, 24) / 12)
        harmonics = [np.sin(2 * np.pi * pitch_hz * h * seconds) / h for h in (1, 2, 3, 4)]
        sound[start : start + len(seconds)] += np.sum(harmonics, axis=0) * np.exp(-3 * seconds)
    return sound


NOISES: dict[str, Callable[[int], Float32]] = {
    "silence": silence,
    "white noise": white,
    "pink noise": pink,
    "hum": hum,
    "keyboard": keyboard,
    "tune": tune,
}


def at_level(samples: Float32, dbfs: float) -> Float32:
    """The same sound at this RMS level."""
    rms = float(np.sqrt(np.mean(samples**2)))
    scaled: Float32 = np.clip(samples * (10 ** (dbfs / 20) / max(rms, 1e-9)), -1, 1).astype(np.float32)
    return scaled
