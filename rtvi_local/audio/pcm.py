"""PCM arithmetic: 16-bit integers on the wire, floats between -1 and 1 in the models."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
Float32 = npt.NDArray[np.float32]

SILENCE_DBFS = -120.0
"""What `level_dbfs` says of digital silence."""


AUDIBLE_PEAK = 300 / 32768
"""About -41 dBFS: below it is the hiss of a codec or a quiet room, above it something that a listener notices."""


def to_float(samples: Int16) -> Float32:
    return np.multiply(samples, 1 / 32768, dtype=np.float32)


def to_int16(samples: Float32) -> Int16:
    """Clips what is beyond full scale."""
    return (np.clip(samples, -1.0, 32767 / 32768) * 32768).astype(np.int16)


def level_dbfs(samples: Float32) -> float:
    """RMS level relative to full scale, in dB."""
    if samples.size == 0:
        return SILENCE_DBFS
    # Not np.mean: of 20 ms it takes longer than all the rest here.
    power = float(np.add.reduce(np.square(samples, dtype=np.float64))) / samples.size
    return max(SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else SILENCE_DBFS


def audible(samples: Float32) -> slice:
    """From the first sample that somebody hears, by its level, to the last; nothing behind the end, if nobody hears any."""
    loud = np.flatnonzero(np.abs(samples) >= AUDIBLE_PEAK)
    return slice(int(loud[0]), int(loud[-1]) + 1) if loud.size else slice(samples.size, samples.size)


def onset(samples: Int16) -> int:
    """The first sample that somebody hears; how many there are, if nobody hears any."""
    return int(audible(to_float(samples)).start)


def faded(samples: Int16, start: float, end: float) -> Int16:
    """The same samples with the gain going in a straight line from `start` to `end` (0 … 1)."""
    return (samples * np.linspace(start, end, samples.size, dtype=np.float32)).astype(np.int16)


def scaled(samples: Int16, gain: float) -> Int16:
    """Quieter by `gain` (0 … 1)."""
    return samples if gain == 1.0 else (samples * np.float32(gain)).astype(np.int16)


def mixed(one: Int16, other: Int16) -> Int16:
    """Both at once; of the same length. Clips."""
    loud: Int16 = np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)
    return loud
