"""When each word of a known text ends in its sound, by Whisper's attention: a clock that knows nothing of the voice's own.

It is good to about 0.1 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.log_mel import FRAMES_PER_S

WINDOW_S = 30


class WordClock:
    def __init__(self, whisper: Path) -> None:
        self._model = WhisperModel(str(whisper), device="cpu", compute_type="int8", cpu_threads=2)
        self._tokenizer = Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language="en"
        )

    def ends_s(self, sound: Float32, words: Sequence[str]) -> list[float]:
        """In seconds; `sound` (16 kHz, up to 30 s) is these words and nothing else."""
        tokens = self._tokenizer.encode(" " + " ".join(words))
        frames = int(min(sound.size / LISTENING_SAMPLE_RATE, WINDOW_S) * FRAMES_PER_S)
        encoded = self._model.encode(
            self._model.feature_extractor(sound, padding=WINDOW_S * LISTENING_SAMPLE_RATE)[:, : WINDOW_S * FRAMES_PER_S]
        )
        (found,) = self._model.find_alignment(self._tokenizer, [tokens], encoded, frames)
        ends: list[float] = []
        pieces = ""
        for word in found:
            # Whisper counts punctuation as words of their own: a word has ended when the text up to there holds it whole.
            pieces += word["word"]
            while len(ends) < len(pieces.split()):
                ends.append(0.0)
            if word["word"].strip(" .,;:!?"):
                ends[-1] = float(word["end"])
        return ends[: len(words)]
