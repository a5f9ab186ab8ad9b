"""A voice's sound, between the decoder and the loudspeaker: in which pieces it is made, how loud it is, where it pauses."""

from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.engines.interfaces import Float32

FIRST_CHUNK_FRAMES = 10
"""Sound in the first chunk, after the silence before it: 116 ms at 256 samples a frame and 22.05 kHz.

Two idle cores make it in 8 ms, and the next chunk, twice as long, in 15. Beside seven busy processes on two cores none of five
texts, said 8 times each, had a chunk that came late (`python -m rtvi_local.bench.tts FOLDER --rounds 8 --busy 7`)."""
CHUNK_GROWTH = 2
MOST_CHUNK_FRAMES = 96
"""1.1 s of sound, 45 ms of work: what an interrupted sentence still costs, and another conversation waits for."""

QUIET = 0.003
"""Amplitude (of 1, as the decoder makes it) below which there is no voice: 25 dB under its mean level. Piper begins with 35
to 60 ms of such silence and ends with 100 to 150."""
MARGIN_S = 0.008
"""Kept of the silence on either side, so that a soft consonant is not cut."""

SENTENCE_PAUSE_S = 0.25
CLAUSE_PAUSE_S = 0.12
NO_PAUSE_S = 0.03
"""Silence after a full stop, a comma or the like, and where a clause was cut without either. Between sentences people pause
longer than this, inside them Piper itself leaves 100 ms after a comma; but each pause comes after a clause which is trimmed,
and delays what follows."""

LEVEL = 0.112
"""Mean level of the voice, -19 dBFS: leaves 12 to 15 dB to its peaks, and is as loud as what browsers send from a voice."""
KNEE = 0.85
"""Peaks over this are bent, not cut."""


def chunk_ends(frames: int, *, lead: int, tail: int) -> list[int]:
    """Where the chunks of `frames` latent frames end. `lead` and `tail` frames at the ends are silence.

    A rest that would be mostly silence is made with the chunk before it: it has to be trimmed in one piece.
    """
    ends: list[int] = []
    end, size = lead + FIRST_CHUNK_FRAMES, FIRST_CHUNK_FRAMES
    while frames - end > tail + FIRST_CHUNK_FRAMES:
        ends.append(end)
        size = min(size * CHUNK_GROWTH, MOST_CHUNK_FRAMES)
        end += size
    return [*ends, frames]


def silence_before(samples: Float32, sample_rate: int) -> int:
    """How many samples to leave out at the start."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    return max(0, int(loud[0]) - int(MARGIN_S * sample_rate)) if loud.size else len(samples)


def silence_after(samples: Float32, sample_rate: int) -> int:
    """How many samples to leave out at the end."""
    return silence_before(samples[::-1], sample_rate)


def pause_s(phonemes: str) -> float:
    """How long to be silent after a sentence whose phonemes (with their punctuation) these are."""
    mark = phonemes.rstrip()[-1:]
    if mark in set(".?!。？！؟।"):
        return SENTENCE_PAUSE_S
    return CLAUSE_PAUSE_S if mark in set(",;:、،") else NO_PAUSE_S


def gain_for(samples: Float32) -> float:
    """The factor that brings a voice to LEVEL, given some of its speech. One for all that it says: Piper's own way, to
    raise every sentence to the same peak, makes "No." as loud as a shout and needs the whole sentence first."""
    voiced = samples[np.abs(samples) > QUIET]
    level = float(np.sqrt(np.mean(np.square(voiced)))) if voiced.size else 0.0
    return min(max(LEVEL / level, 0.25), 8.0) if level else 1.0


def to_int16(samples: Float32, gain: float) -> Int16:
    """16-bit PCM; what exceeds KNEE approaches full scale and never wraps around."""
    loud = samples * gain
    over = np.abs(loud) > KNEE
    if over.any():
        bent = KNEE + (1 - KNEE) * np.tanh((np.abs(loud[over]) - KNEE) / (1 - KNEE))
        loud[over] = np.copysign(bent, loud[over])
    return np.asarray(np.rint(loud * 32767), dtype=np.int16)
