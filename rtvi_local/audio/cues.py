"""The appliance's own sounds, made of sines. Pure: no file, no rights of others, any sample rate."""

from __future__ import annotations

import math

import numpy as np

from rtvi_local.audio.pcm import Int16, to_int16

CUES = ("ding", "tick", "none")

_PEAK = 10 ** (-18 / 20)
"""Full scale is 0 dBFS; speech peaks some 12 dB higher."""
_TICK_EVERY_MS = 900
_TICKS_FOR_MS = 15_000
"""Longer than any answer should be waited for."""


def cue(name: str, sample_rate: int) -> Int16:
    """One of CUES at this rate: "ding" is one soft stroke of 400 ms, "tick" a quiet clock, "none" is empty. Starts and ends at
    zero. Raises KeyError for another name."""
    return _MAKERS[name](sample_rate)


def _ding(sample_rate: int) -> Int16:
    # A bar that is struck: its second partial is 2.76 times the first (Fletcher and Rossing, free bar) and dies away sooner.
    stroke = _stroke(sample_rate, 400, ((880.0, 1.0, 0.11), (880.0 * 2.76, 0.25, 0.04)))
    return to_int16((stroke * _PEAK).astype(np.float32))


def _tick(sample_rate: int) -> Int16:
    stroke = _stroke(sample_rate, 60, ((1200.0, 1.0, 0.008), (1900.0, 0.4, 0.005)))
    every = sample_rate * _TICK_EVERY_MS // 1000
    beat = np.concatenate([stroke, np.zeros(every - stroke.size)])
    return to_int16((np.tile(beat, _TICKS_FOR_MS // _TICK_EVERY_MS) * _PEAK / 2).astype(np.float32))


def _none(sample_rate: int) -> Int16:
    del sample_rate
    return np.zeros(0, np.int16)


_MAKERS = {"ding": _ding, "tick": _tick, "none": _none}


def _stroke(
    sample_rate: int, length_ms: int, partials: tuple[tuple[float, float, float], ...]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Decaying sines of (frequency in Hz, strength, time constant in s), with an attack and an end that do not click."""
    time_s = np.arange(sample_rate * length_ms // 1000) / sample_rate
    sound = np.zeros(time_s.size)
    for frequency_hz, strength, decay_s in partials:
        if frequency_hz < sample_rate / 2:
            sound += strength * np.exp(-time_s / decay_s) * np.sin(2 * math.pi * frequency_hz * time_s)
    attack = np.minimum(1.0, time_s / 0.004)
    release = np.minimum(1.0, (time_s[-1] - time_s) / 0.01)
    shaped = sound * attack * release
    return np.asarray(shaped / np.abs(shaped).max())
