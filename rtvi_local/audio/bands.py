"""How strong a sound is in each of a few bands of frequency, whatever rate it comes at. Pure."""

from __future__ import annotations

from functools import cache

import numpy as np

from rtvi_local.audio.pcm import Float32

BANDS = 16
LOWEST_HZ, HIGHEST_HZ = 200.0, 7000.0
"""Where speech is, of what a microphone at 16 kHz delivers. Below it there is mains hum, and loudspeakers of tablets have
nothing."""
WINDOW_MS = 32
"""Long enough to tell harmonics of a deep voice from one another, so that two voices differ; as long as Silero's."""
FLOOR_DB = -100.0


@cache
def _filters(sample_rate: int) -> tuple[Float32, Float32]:
    """The window, and for each frequency of its spectrum (rows) the bands that it counts for (columns)."""
    size = sample_rate * WINDOW_MS // 1000
    window = np.hanning(size).astype(np.float32)
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    inside = (frequencies[:, None] >= edges[None, :-1]) & (frequencies[:, None] < edges[None, 1:])
    nearest = np.abs(frequencies[:, None] - np.sqrt(edges[:-1] * edges[1:])[None, :]).argmin(axis=0)
    inside[nearest[edges[1:] < sample_rate / 2], np.flatnonzero(edges[1:] < sample_rate / 2)] = True  # none is empty
    scale = 2 / (float(np.sum(window**2)) * size)
    return window, (inside * scale).astype(np.float32)


def window_samples(sample_rate: int) -> int:
    return _filters(sample_rate)[0].size


def band_levels(samples: Float32, sample_rate: int) -> Float32:
    """dB relative to full scale in each of BANDS bands, of exactly `window_samples`. FLOOR_DB where there is nothing."""
    window, filters = _filters(sample_rate)
    spectrum = np.fft.rfft(samples * window)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32)
    return np.asarray(10 * np.log10(power @ filters + 10 ** (FLOOR_DB / 10)), np.float32)
