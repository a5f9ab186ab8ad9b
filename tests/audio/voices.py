"""Sounds with the traits of speech that matter here: loud and quiet several times a second, not in all bands at once."""

from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import Float32, Int16, to_int16

RATE = 16_000


def babble(seconds: float, seed: int, level_dbfs: float = -22.0) -> Float32:
    """Somebody who talks without a pause, 16 kHz: voiced syllables with formants of their own, hisses, short stops."""
    chance = np.random.default_rng(seed)
    pieces: list[Float32] = []
    pitch_hz = chance.uniform(90, 220)
    while sum(piece.size for piece in pieces) < seconds * RATE:
        size = int(chance.uniform(0.07, 0.22) * RATE)
        at_s = np.arange(size) / RATE
        if chance.random() < 0.25:
            sound = np.diff(chance.normal(size=size + 1)) * 0.1
        else:
            formants = chance.uniform((250, 800, 2200), (800, 2000, 3200))
            harmonics_hz = np.arange(pitch_hz, 4000, pitch_hz)
            loud = sum(np.exp(-(((harmonics_hz - formant) / 120) ** 2)) for formant in formants)
            phases = 2 * np.pi * (harmonics_hz[:, None] * at_s + chance.random((harmonics_hz.size, 1)))
            sound = (loud[:, None] * np.sin(phases)).sum(axis=0)
        gap = np.zeros(int(chance.uniform(0.01, 0.06) * RATE))
        pieces.append(np.concatenate([sound * np.hanning(size), gap]).astype(np.float32))
        pitch_hz *= chance.uniform(0.93, 1.07)
    whole = np.concatenate(pieces)[: int(seconds * RATE)]
    return np.asarray(whole * (10 ** (level_dbfs / 20) / np.sqrt(np.mean(whole**2))), np.float32)


def later(sound: Float32, delay_ms: float, gain_db: float = 0.0) -> Float32:
    """The same length; what was before is silence."""
    delayed = np.concatenate([np.zeros(int(delay_ms * RATE / 1000), np.float32), sound])[: sound.size]
    return np.asarray(delayed * 10 ** (gain_db / 20), np.float32)


def room_noise(samples: int, level_dbfs: float = -65.0) -> Float32:
    return np.asarray(np.random.default_rng(5).normal(size=samples) * 10 ** (level_dbfs / 20), np.float32)


def pcm(sound: Float32) -> Int16:
    return to_int16(sound)
