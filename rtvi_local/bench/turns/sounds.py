"""The sound of a scene: people, pauses, rooms and noises. Everything at 16 kHz, float, and the same in every run."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import audible, to_float
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.turns.scenes import Person, Utterance
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.piper import PiperVoice

SPEECH_DBFS = -26.0
"""Of a person a forearm away from a laptop, after its gain control (ITU-T P.56's active level of test speech)."""
_CUT_SAMPLES = LISTENING_SAMPLE_RATE // 200
_HISS_DBFS = -66.0
"""Digital silence is what no microphone delivers."""


class Studio:
    """Speaks utterances, and keeps them: Piper never says a thing twice alike, and what is compared must be the same sound."""

    def __init__(self, voice_directory: Path, cache: Path) -> None:
        self._directory = voice_directory
        self._cache = cache
        self._voices: dict[float, PiperVoice] = {}

    def say(self, utterance: Utterance) -> Float32:
        """The utterance at SPEECH_DBFS, with its pauses. Blocks (and runs an event loop of its own)."""
        # A comma where the pause will be: who hesitates lengthens the word before and keeps its pitch, where a cut through a
        # sentence that was spoken in one piece leaves a word chopped off.
        text = " ".join(utterance.text.replace(", |", " |").replace(" |", ",").split())
        sound, word_ends = self._spoken(text, utterance.person)
        pieces: list[Float32] = []
        begin = words = 0
        for token in utterance.text.split():
            if token != "|":
                words += 1
                continue
            end = int(word_ends[words - 1])
            pieces.append(_softened(trimmed(sound[begin:end])))
            pieces.append(silence(utterance.pause_s))
            begin = end + audible(sound[end:]).start
        pieces.append(_softened(sound[begin:]))
        return at_level(np.concatenate(pieces), SPEECH_DBFS)

    def _spoken(self, text: str, person: Person) -> tuple[Float32, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        key = hashlib.sha1(f"{self._directory.name} {person.speed} {person.pitch} {text}".encode()).hexdigest()
        path = self._cache / f"{key}.npz"
        if not path.is_file():
            self._cache.mkdir(parents=True, exist_ok=True)
            if person.speed not in self._voices:
                self._voices[person.speed] = PiperVoice.load(self._directory, speed=person.speed)
            sound, ends = asyncio.run(_speak(self._voices[person.speed], text, person.pitch))
            np.savez(path, sound=sound, ends=ends)
        with np.load(path) as kept:
            return kept["sound"], kept["ends"]

    def close(self) -> None:
        for voice in self._voices.values():
            voice.close()


async def _speak(voice: PiperVoice, text: str, pitch: float) -> tuple[Float32, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    chunks = [chunk async for chunk in voice.speak(text)]
    pcm = np.concatenate([chunk.samples for chunk in chunks])
    # Played as if it had been recorded at another rate: pitch, formants and speed go together, as with another throat.
    rate = round(voice.sample_rate * pitch)
    ends = [word.end_sample * LISTENING_SAMPLE_RATE / rate for chunk in chunks for word in chunk.words]
    return trimmed(to_float(resampled(pcm, rate, LISTENING_SAMPLE_RATE))), np.round(ends).astype(np.int64)


def trimmed(sound: Float32) -> Float32:
    """Without the silence at its end, so that the last sample is the end of speech."""
    return sound[: audible(sound).stop]


def _softened(sound: Float32) -> Float32:
    """Cut without a click."""
    ramp = np.ones(sound.size, np.float32)
    fade = np.linspace(0, 1, min(_CUT_SAMPLES, sound.size // 2), dtype=np.float32)
    ramp[: fade.size], ramp[sound.size - fade.size :] = fade, fade[::-1]
    return (sound * ramp).astype(np.float32)


def at_level(sound: Float32, dbfs: float) -> Float32:
    """With this level while it sounds (20 ms at a time; what is 30 dB below the loudest is a pause)."""
    frame = LISTENING_SAMPLE_RATE // 50
    power = np.mean(np.square(sound[: sound.size // frame * frame].reshape(-1, frame)), axis=1)
    active = float(np.mean(power[power > power.max() / 1000])) if power.size and power.max() > 0 else 0.0
    return sound if active == 0 else np.asarray(sound * 10 ** (dbfs / 20) / np.sqrt(active), np.float32)


def hiss(samples: int, dbfs: float = _HISS_DBFS) -> Float32:
    chance = np.random.default_rng(samples)
    return (chance.standard_normal(samples) * 10 ** (dbfs / 20)).astype(np.float32)


def silence(seconds: float) -> Float32:
    return np.zeros(int(seconds * LISTENING_SAMPLE_RATE), np.float32)
