"""What a room does to speech: it echoes, and it is never silent. 16 kHz, always the same for the same seed."""

from __future__ import annotations

import numpy as np

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32

_FIRST_REFLECTION_S = 0.008


def echoing(samples: Float32, reverberation_s: float, direct_db: float, seed: int = 3) -> Float32:
    """In a room where sound falls by 60 dB in `reverberation_s`, heard from so near that the direct sound is `direct_db` above
    all echoes together (Gaussian noise that decays exponentially, after Polack's model of a room's response)."""
    length = int(reverberation_s * LISTENING_SAMPLE_RATE)
    at_s = np.arange(length) / LISTENING_SAMPLE_RATE
    tail = np.random.default_rng(seed).normal(size=length) * 10 ** (-3 * at_s / reverberation_s)
    tail[: int(_FIRST_REFLECTION_S * LISTENING_SAMPLE_RATE)] = 0
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    size = 1 << (len(samples) + length - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)]
    return np.asarray(heard, np.float32)


def fan(length: int, seed: int = 4) -> Float32:
    """Pink noise: the same power in every octave, as of a fan or a street far away."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=length))
    return np.asarray(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), length), np.float32)


def crowd(voices: list[Float32], length: int, speakers: int = 6, seed: int = 7) -> Float32:
    """Several people talking without a pause."""
    chance = np.random.default_rng(seed)
    sum_of_all = np.zeros(length, np.float32)
    for _ in range(speakers):
        row = np.concatenate([voices[index] for index in chance.permutation(len(voices))])
        sum_of_all += np.resize(np.roll(row, int(chance.integers(len(row)))), length)
    return sum_of_all


def beside(speech: Float32, noise: Float32, signal_to_noise_db: float) -> Float32:
    """Speech with a noise of the same length that is so much weaker (by RMS), without clipping."""
    level = np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-signal_to_noise_db / 20)
    both = speech + noise * np.float32(level)
    return np.asarray(both / max(1.0, float(np.abs(both).max())), np.float32)
