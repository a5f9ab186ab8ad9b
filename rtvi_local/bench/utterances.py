"""Speech with known words: recordings of people where there are some, and sentences that Piper says, as several people would
say them, in several rooms and noises.

Piper's own chance differs from run to run. What it said is kept in the system's folder for temporary files, so that all shards
of a run hear the same.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from piper import PiperVoice, SynthesisConfig

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.rooms import beside, crowd, echoing, fan
from rtvi_local.bench.speech import read_wav
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SENTENCES = Path(__file__).with_name("sentences.txt")
LONG_SENTENCES = Path(__file__).with_name("long_sentences.txt")
"""Such as take 10 to 20 s."""
RECORDINGS_TEXTS = Path(__file__).resolve().parents[2] / "tests" / "data" / "recordings.toml"
CACHE = Path(tempfile.gettempdir()) / "rtvi-local-utterances"
SPEEDS = (1.0, 1.15, 0.9)
PITCHES = {"low": 0.87, "as it is": 1.0, "high": 1.18}
"""The voice's pitch and formants together, as of a longer and a shorter throat."""
SURROUNDINGS = ("quiet", "crowd 20 dB", "crowd 10 dB", "small room", "hall and fan", "fan 10 dB")


@dataclass(frozen=True, slots=True)
class Utterance:
    name: str
    kind: str
    text: str
    samples: Float32
    """16 kHz."""


def recorded(folder: Path) -> Iterator[Utterance]:
    """The recordings whose words tests/data/recordings.toml knows."""
    if not RECORDINGS_TEXTS.is_file():
        return
    for name, text in tomllib.loads(RECORDINGS_TEXTS.read_text(encoding="utf-8")).items():
        if (folder / name).is_file():
            yield Utterance(name, "recording", text, _floats(read_wav(folder / name, LISTENING_SAMPLE_RATE)))


def synthesized(voice_directory: Path, *, limit: int | None = None, shard: tuple[int, int] = (1, 1)) -> Iterator[Utterance]:
    """Every sentence in four of the six surroundings; who speaks, and how fast, changes from one to the next.

    `shard` (k, n) yields every n-th of them, from the k-th on. The mixtures are always the same.
    """
    speaker = Speaker(voice_directory)
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()[:limit]
    people: Float32 | None = None
    texts = [*sentences, *LONG_SENTENCES.read_text(encoding="utf-8").splitlines()[:limit]]
    kinds = range(len(SURROUNDINGS))
    tasks = [(number, text, kind) for number, text in enumerate(texts) for kind in kinds if (2 * number + kind) % 3]
    for number, text, kind in tasks[shard[0] - 1 :: shard[1]]:
        pitch = (number + kind) % len(PITCHES)
        said = speaker.say(text, SPEEDS[(number // len(PITCHES) + kind) % len(SPEEDS)], list(PITCHES.values())[pitch])
        if people is None and SURROUNDINGS[kind].startswith("crowd"):
            people = crowd([speaker.say(sentence) for sentence in sentences], 30 * LISTENING_SAMPLE_RATE)
        heard = _surrounded(said, SURROUNDINGS[kind], np.zeros(0, np.float32) if people is None else people, number)
        yield Utterance(f"sentence {number + 1}, {list(PITCHES)[pitch]}", SURROUNDINGS[kind], text, heard)


def speak(voice_directory: Path, text: str, speed: float = 1.0, *, varied: bool = True) -> Float32:
    """The text at 16 kHz, with 200 ms of silence on either side. Not `varied`: the same sound every time."""
    return Speaker(voice_directory, keep=False, varied=varied).say(text, speed)


def _surrounded(said: Float32, surroundings: str, people: Float32, number: int) -> Float32:
    if surroundings.startswith("crowd"):
        decibels = float(surroundings.split()[1])
        return beside(said, np.roll(people, number * 4801)[: len(said)], decibels)
    if surroundings == "small room":
        return echoing(said, 0.3, 6, seed=number)
    if surroundings == "hall and fan":
        return beside(echoing(said, 0.7, 2, seed=number), fan(len(said), number), 20)
    if surroundings == "fan 10 dB":
        return beside(said, fan(len(said), number), 10)
    return said


class Speaker:
    """Piper, loaded when something is to be said that has not been said before."""

    def __init__(self, directory: Path, *, keep: bool = True, varied: bool = True) -> None:
        self._model = next(directory.glob("*.onnx"))
        self._keep = keep
        self._noise = None if varied else 0.0
        self._voice: PiperVoice | None = None

    def say(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> Float32:
        key = hashlib.sha256(f"{self._model.name} {speed} {pitch} {text}".encode()).hexdigest()[:24]
        kept = CACHE / f"{key}.npy"
        if not kept.is_file() or not self._keep:
            sound = self._synthesize(text, speed, pitch)
            if not self._keep:
                return sound
            CACHE.mkdir(exist_ok=True)
            np.save(kept, sound)
        return np.asarray(np.load(kept), np.float32)

    def _synthesize(self, text: str, speed: float, pitch: float) -> Float32:
        self._voice = self._voice or PiperVoice.load(self._model)
        # Played faster by `pitch` afterwards, so said slower by as much.
        config = SynthesisConfig(length_scale=pitch / speed, noise_scale=self._noise, noise_w_scale=self._noise)
        chunks = list(self._voice.synthesize(text, config))
        sound: Int16 = np.concatenate([chunk.audio_int16_array for chunk in chunks])
        heard = _floats(resampled(sound, round(chunks[0].sample_rate * pitch), LISTENING_SAMPLE_RATE))
        quiet = np.zeros(LISTENING_SAMPLE_RATE // 5, np.float32)  # a voice activity detector leaves about as much
        return np.concatenate((quiet, heard, quiet))


def _floats(pcm: Int16) -> Float32:
    return np.asarray(pcm / 32768, np.float32)
