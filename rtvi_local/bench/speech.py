"""Something to say: recordings of people, and sentences that the project's own voice speaks."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import resampled
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Transcriber, Voice, VoiceActivityDetector

CALLER_RATE = 48_000
SPEECH_PROBABILITY = 0.5
_MOST_SECONDS_AT_ONCE = 25
"""Whisper takes 30."""


def read_wav(path: Path, rate: int = CALLER_RATE) -> Int16:
    """A mono 16-bit WAV file at the rate asked for. Raises ValueError for another kind."""
    with wave.open(str(path)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise ValueError(f"{path} is not mono with 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return resampled(samples, file.getframerate(), rate)


def speech_span(samples: Int16, detector: VoiceActivityDetector) -> tuple[int, int]:
    """Where the speech in 48 kHz audio is, as the detector hears it: its first sample, and the one after its last; all of it if
    it hears none.

    A person's voice begins after their recording does and ends before it: around it are breaths, clicks, the room's noise. One
    window of that may sound like speech; of speech there are two in a row.
    """
    heard = resampled(samples, CALLER_RATE, LISTENING_SAMPLE_RATE).astype(np.float32) * np.float32(1 / 32768)
    window = detector.window_samples
    starts = range(0, heard.size - window + 1, window)
    speaking = [start for start in starts if detector.probability(heard[start : start + window]) >= SPEECH_PROBABILITY]
    speaking = [start for start in speaking if {start - window, start + window} & set(speaking)]
    if not speaking:
        return 0, samples.size
    factor = CALLER_RATE // LISTENING_SAMPLE_RATE
    return speaking[0] * factor, (speaking[-1] + window) * factor


async def synthesize(voice: Voice, text: str, rate: int = CALLER_RATE) -> Int16:
    """`text` as the voice speaks it."""
    pieces = [chunk.samples async for chunk in voice.speak(text)]
    return resampled(np.concatenate(pieces), voice.sample_rate, rate)


async def understood(transcriber: Transcriber, audio: Float32) -> str:
    """The English words in 16 kHz audio of any length."""
    step = _MOST_SECONDS_AT_ONCE * LISTENING_SAMPLE_RATE
    pieces = [audio[start : start + step] for start in range(0, audio.size, step)]
    return " ".join([(await transcriber.transcribe(piece, language="en")).text for piece in pieces]).strip()
