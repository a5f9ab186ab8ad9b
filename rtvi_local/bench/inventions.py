"""What Whisper makes up where nobody speaks to it, and whether it is noticed: `python -m rtvi_local.bench.inventions`.

Noises of several lengths and levels go straight to Whisper, as if the voice activity detector had taken all of them for speech;
and, the severe case, behind something that was really said, so that words are settled when the noise comes. A television in
another room says words: those are right, however unwelcome. Printed is each text that would reach the language model.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from rtvi_local.bench.growing import heard_while_spoken
from rtvi_local.bench.noises import NOISES, at_level
from rtvi_local.bench.rooms import crowd, echoing
from rtvi_local.bench.utterances import SENTENCES, Speaker
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper

LENGTHS_S = (1.0, 3.0, 8.0, 20.0)
LEVELS_DBFS = (-60, -45, -30)
SAID = "I would like to know whether the train to Boston leaves on time today, because it rains."


@dataclass(frozen=True, slots=True)
class Passed:
    """A text that nobody said to the appliance, and that was not noticed."""

    noise: str
    seconds: float
    dbfs: float
    text: str
    right: bool
    """Somebody did say it, on television."""


def noises(speaker: Speaker) -> dict[str, Callable[[int], Float32]]:
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    voices = [speaker.say(sentence) for sentence in sentences]
    television = echoing(_dull(np.concatenate(voices[10:40])), 0.5, -3)
    babble = crowd(voices, 30 * LISTENING_SAMPLE_RATE)
    return {**NOISES, "crowd": lambda samples: babble[:samples], "television": lambda samples: television[:samples]}


def _dull(sound: Float32) -> Float32:
    """As through a door: nothing above 1 kHz."""
    spectrum = np.fft.rfft(sound)
    spectrum[int(len(spectrum) * 1000 / (LISTENING_SAMPLE_RATE / 2)) :] = 0
    return np.asarray(np.fft.irfft(spectrum, len(sound)), np.float32)


def alone(whisper: Whisper, sounds: dict[str, Callable[[int], Float32]]) -> Iterator[Passed | None]:
    """Each noise by itself; None where nothing came through."""
    spoken = set(normalised_words(SENTENCES.read_text(encoding="utf-8")))
    for name, make in sounds.items():
        for seconds in LENGTHS_S:
            for dbfs in LEVELS_DBFS:
                sound = at_level(make(int(seconds * LISTENING_SAMPLE_RATE)), dbfs)
                heard = asyncio.run(whisper.transcribe(sound, language="en"))
                if looks_invented(heard, seconds, speech_energy_db(sound)):
                    yield None
                    continue
                words = normalised_words(heard.text)
                right = name in ("crowd", "television") and sum(word in spoken for word in words) > 0.6 * len(words)
                yield Passed(name, seconds, dbfs, heard.text, right)


def behind_speech(
    whisper: Whisper, silero: Silero, speech: Float32, sounds: dict[str, Callable[[int], Float32]]
) -> Iterator[Passed | None]:
    """Each noise behind words, 20 dB below them, through the listening stage."""
    said = normalised_words(SAID)
    for name, make in sounds.items():
        noise = at_level(make(8 * LISTENING_SAMPLE_RATE), -46)
        level = 20 * np.log10(float(np.sqrt(np.mean(speech**2))))
        heard = heard_while_spoken(
            np.concatenate((speech * np.float32(10 ** ((-26 - level) / 20)), noise)), silero.detector(), whisper
        )
        more = len(normalised_words(heard.text)) - len(said)
        invented = more > 0 and word_errors(said, normalised_words(heard.text)) > 2
        yield Passed(name, 8, -46, heard.text, name in ("crowd", "television")) if invented else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.inventions", description=__doc__.split("\n")[0])
    models = Path(platformdirs.user_data_dir("rtvi-local")) / "models"
    parser.add_argument("--models", type=Path, default=models, metavar="FOLDER", help="where the models are")
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--voice", default="piper-en_US-joe-medium")
    options = parser.parse_args(arguments)
    whisper = Whisper.load(options.models / options.model, device="cpu", threads=2)
    silero = Silero.load(options.models / "silero-vad-v6")
    speaker = Speaker(options.models / options.voice)
    sounds = noises(speaker)
    for title, found in (
        ("noise alone", list(alone(whisper, sounds))),
        ("noise behind words", list(behind_speech(whisper, silero, speaker.say(SAID), sounds))),
    ):
        passed = [one for one in found if one is not None]
        wrong = [one for one in passed if not one.right]
        sys.stdout.write(f"{title}: {len(found)} heard, {len(passed)} came through, {len(wrong)} of them made up\n")
        for one in passed:
            kind = "right" if one.right else "MADE UP"
            sys.stdout.write(f"  {kind:8}{one.noise:12}{one.seconds:4.0f} s {one.dbfs:4.0f} dBFS  {one.text}\n")
    whisper.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
