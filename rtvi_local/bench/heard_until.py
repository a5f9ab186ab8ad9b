"""Where in a voice's sound a listener's recording of it ends, and how many words that is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtvi_local.audio.pcm import AUDIBLE_PEAK, audible
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32

TAILS_S = (0.5, 0.3, 0.2, 0.12)
"""How much of the recording's end is looked for in the sound: half a second is like no other of it, but the voice may have been
held within it, and come back, and what was heard since is all that is in one piece."""
SURE_LIKENESS = 0.9
"""From which on no shorter end is tried."""
HELD_S = 0.08
"""From which on silence in a recording may be where the voice was held."""
LEAST_LIKENESS = 0.6
"""Correlation from which on a place counts as found; two different half seconds of one voice reach about 0.3."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the last audible sample of a recording is in the sound that it is of."""

    at_s: float
    likeness: float
    """Correlation of the recording's end with this place, up to 1."""


def end_of(recording: Float32, sound: Float32) -> Place:
    """Both at 16 kHz. The recording's end alone is laid over the sound, so that pauses before it don't matter."""
    heard = audible(recording)
    if not recording[heard].size or not sound.size:
        return Place(0.0, 1.0)
    places = []
    for tail_s in TAILS_S:
        places.append(_place_of(recording[max(0, heard.stop - round(tail_s * LISTENING_SAMPLE_RATE)) : heard.stop], sound))
        if places[-1].likeness >= SURE_LIKENESS:
            return places[-1]
    held, came_back = _last_silence(recording[heard])
    if not held:
        return max(places, key=lambda place: place.likeness)
    # What was heard since is too short, and too much of it faded, to be found; but it goes on where the voice had been held.
    before = end_of(recording[heard][:held], sound)
    return Place(before.at_s + (heard.stop - heard.start - came_back) / LISTENING_SAMPLE_RATE, before.likeness)


def _last_silence(recording: Float32) -> tuple[int, int]:
    """Where the last silence within a recording begins and ends; both 0 if there is none."""
    sounding = np.flatnonzero(np.abs(recording) >= AUDIBLE_PEAK)
    gaps = np.flatnonzero(np.diff(sounding) >= HELD_S * LISTENING_SAMPLE_RATE)
    return (int(sounding[gaps[-1]]) + 1, int(sounding[gaps[-1] + 1])) if gaps.size else (0, 0)


def _place_of(tail: Float32, sound: Float32) -> Place:
    likeness = _likeness(tail, np.concatenate([np.zeros(tail.size, np.float32), sound, np.zeros(tail.size, np.float32)]))
    best = int(np.argmax(likeness))
    return Place(best / LISTENING_SAMPLE_RATE, float(likeness[best]))


def words_said(ends_s: Sequence[float], at_s: float) -> int:
    """How many of the words that end at these times have ended by then, give or take a rounding error."""
    return sum(end_s <= at_s + 0.001 for end_s in ends_s)


def _likeness(piece: Float32, sound: Float32) -> Float32:
    """The correlation of `piece` with every stretch of `sound` as long as it is, by its first sample."""
    size = 1 << (piece.size + sound.size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size)), size)
    count = sound.size - piece.size + 1
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    stretches = np.sqrt(np.maximum(energy[piece.size :] - energy[: -piece.size], 1e-9))
    norm = np.sqrt(np.sum(np.square(piece, dtype=np.float64)))
    # Where there is hardly any sound, rounding errors would look like anything.
    found = np.where(stretches[:count] > 0.1 * norm, product[:count] / (stretches[:count] * max(norm, 1e-9)), 0.0)
    return np.asarray(found, np.float32)
