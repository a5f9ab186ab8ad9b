"""Piper's voices: text in, sound out in growing chunks, with the time at which each word ends.

Phonemes come from piper-tts (which embeds espeak-ng); the model runs here, split in two (see `piper_graph`), because the
library makes a sentence whole before one can hear its first sound.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import shutil
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from piper.config import PiperConfig
from piper.const import BOS, EOS, PAD
from piper.voice import PiperVoice as Phonemizer

from rtvi_local.engines import piper_sound
from rtvi_local.engines.courtesy import Courtesy
from rtvi_local.engines.interfaces import EngineError, Float32, SpokenChunk, SpokenWord
from rtvi_local.engines.piper_split import prepare, voice_model_path
from rtvi_local.engines.piper_words import word_ends

WARM_UP = ("Yes.", "Well, let me think about that for a moment.", "The weather is fine today, and it will stay so.")
"""Said once into memory: so the first answer is as fast as the second, and the voice's loudness is known."""

# It warns of every phoneme that a voice does not know, and so would write bits of what people are told into the log.
logging.getLogger("piper.phoneme_ids").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sentence before its sound is made."""

    latent: npt.NDArray[np.float32]
    """(1, channels, frames); for a voice that could not be split the sound itself, as (1, 1, samples)."""
    phoneme_ends: npt.NDArray[np.int64]
    """The frame at which each phoneme ends; evenly spread if the voice does not tell."""
    lead: int
    """Frames before the first phoneme."""
    tail: int
    """Frames after the last phoneme that is not punctuation."""

    @property
    def frames(self) -> int:
        return int(self.latent.shape[2])


class PiperVoice:
    """One voice, shared by all conversations; its one thread makes their chunks in turn."""

    def __init__(
        self,
        model_name: str,
        config: PiperConfig,
        encoder: onnxruntime.InferenceSession,
        decoder: onnxruntime.InferenceSession | None,
        *,
        speed: float = 1.0,
        speaker: int = 0,
    ) -> None:
        """With `decoder` None, `encoder` is the whole model, and each sentence is made before it can be heard."""
        self.model_name = model_name
        self.sample_rate: int = config.sample_rate
        self.language = language_of(config.espeak_voice)
        self._config = config
        self._phonemizer = Phonemizer(session=encoder, config=config)
        self._encoder, self._decoder = encoder, decoder
        self._frame_samples, self._context_frames = 1, 0
        self._speak_at(speed, speaker)
        self._decoder_inputs: list[str] = []
        if decoder is not None:
            metadata = decoder.get_modelmeta().custom_metadata_map
            self._frame_samples = int(metadata["frame_samples"])
            self._context_frames = int(metadata["context_frames"])
            self._decoder_inputs = [value.name for value in decoder.get_inputs()]
        self._gain = 1.0
        self.courtesy = Courtesy()
        """Asked while a first sound is made."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="piper")

    @classmethod
    def load(
        cls, directory: Path, *, device: str = "cpu", threads: int = 2, speed: float = 1.0, speaker: int = 0
    ) -> PiperVoice:
        """The voice in `directory` (one .onnx file and its .onnx.json), warmed up. Blocks for about a second.

        `device` is "cpu", "cuda" or "auto"; `speed` divides the length of every phoneme (none gets shorter than a frame, so
        that a voice at 2 needs two thirds of the time). Raises EngineError.
        """
        path = voice_model_path(directory)
        fix = f"run 'rtvi-local models pull {directory.name}', or choose another voice (models.tts)"
        try:
            config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(f"voice {directory.name}: cannot read {path}.json ({error!r}); {fix}") from error
        providers = _providers(device)
        try:
            try:
                sessions = _sessions(directory, threads, providers)
            except Exception:  # the kept split may be damaged (a full disk, a power cut): made again, it costs half a second
                if (halves := prepare(directory)) is None or isinstance(halves.encoder, bytes):
                    raise
                shutil.rmtree(Path(halves.encoder).parent, ignore_errors=True)
                sessions = _sessions(directory, threads, providers)
            voice = cls(directory.name, config, *sessions, speed=speed, speaker=speaker)
            voice.warm_up()
        except EngineError:
            raise
        except Exception as error:  # onnxruntime's errors have no class in common
            reason = str(error).partition("\n")[0]
            raise EngineError(f"voice {directory.name}: {path} does not run ({reason}); {fix}") from error
        return voice

    async def speak(self, text: str) -> AsyncGenerator[SpokenChunk, None]:
        """The sound of `text`, the first of it after about 25 ms. Cancelled, it leaves the chunk at work unmade."""
        run = onnxruntime.RunOptions()
        chunks = self._chunks(text, run)
        loop = asyncio.get_running_loop()
        try:
            with self.courtesy.asked():
                chunk = await loop.run_in_executor(self._thread, next, chunks, None)
            while chunk is not None:
                yield chunk
                chunk = await loop.run_in_executor(self._thread, next, chunks, None)
        finally:
            # onnxruntime looks at it before each operation of the graph. A chunk of 1.1 s would hold the cores for 45 ms.
            run.terminate = True

    def at(self, *, speed: float, speaker: int) -> PiperVoice:
        """This voice at another speed or with another speaker; it shares everything with this one, the thread too."""
        voice = copy.copy(self)
        voice._speak_at(speed, speaker)
        return voice

    def _speak_at(self, speed: float, speaker: int) -> None:
        config = self._config
        if not 0 <= speaker < max(config.num_speakers, 1):
            raise EngineError(
                f"voice {self.model_name} has {config.num_speakers} speaker(s), so tts.speaker cannot be {speaker}"
            )
        self._scales = np.array([config.noise_scale, config.length_scale / speed, config.noise_w_scale], np.float32)
        self._speaker = {"sid": np.array([speaker], np.int64)} if config.num_speakers > 1 else {}

    def close(self) -> None:
        """End the thread, after the chunk that it is making."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def warm_up(self) -> None:
        """Say something into memory and measure how loud this voice is. Blocks."""
        sentences = [self.encode(phonemes) for text in WARM_UP for phonemes in self.phonemize(text)]
        said = [self.decode(sentence, 0, sentence.frames) for sentence in sentences]
        self._gain = piper_sound.gain_for(np.concatenate(said)) if said else 1.0

    def phonemize(self, text: str) -> list[list[str]]:
        """The phonemes of each sentence of `text`. Nothing for what cannot be said ("…")."""
        return [phonemes for phonemes in self._phonemizer.phonemize(text) if phonemes]

    def encoder_inputs(self, phonemes: list[str]) -> dict[str, npt.NDArray[Any]]:
        """What Piper's model takes for a sentence, split or whole."""
        ids = self._phonemizer.phonemes_to_ids(phonemes)
        inputs: dict[str, npt.NDArray[Any]] = {"input": np.array([ids], np.int64), "scales": self._scales}
        return {**inputs, "input_lengths": np.array([len(ids)], np.int64), **self._speaker}

    def encode(self, phonemes: list[str], run: onnxruntime.RunOptions | None = None) -> Encoded:
        """A sentence's latent frames. The model adds its noise here and only here, so no two calls give quite the same.
        Raises onnxruntime's error once `run` is to terminate."""
        inputs = self.encoder_inputs(phonemes)
        outputs = self._encoder.run(None, inputs, run)
        latent: npt.NDArray[np.float32] = outputs[0] if self._decoder else outputs[0].reshape(1, 1, -1)
        frames = latent.shape[2]
        counts = self._id_counts(phonemes)
        if not self._decoder or len(outputs) < 2 or sum(counts) != inputs["input"].size:
            return Encoded(latent, np.linspace(0, frames, len(phonemes) + 1)[1:].astype(np.int64), 0, 0)
        ends = np.cumsum(outputs[1].reshape(-1).astype(np.int64))[np.cumsum(counts) - 1]
        said = [index for index, phoneme in enumerate(phonemes) if phoneme not in " .,;:!?"]
        return Encoded(latent, ends[1:-1], int(ends[0]), frames - int(ends[said[-1] + 1]) if said else 0)

    def decode(self, encoded: Encoded, first: int, last: int, run: onnxruntime.RunOptions | None = None) -> Float32:
        """The sound of the frames from `first` to before `last`: the same samples, whichever frames are made together. `run`:
        see `encode`."""
        if self._decoder is None:
            return encoded.latent[0, 0, first:last]
        start, stop = max(0, first - self._context_frames), min(encoded.frames, last + self._context_frames)
        speaker = self._speaker if len(self._decoder_inputs) > 1 else {}
        inputs = {self._decoder_inputs[0]: encoded.latent[:, :, start:stop], **speaker}
        sound: Float32 = self._decoder.run(None, inputs, run)[0].reshape(-1)
        return sound[(first - start) * self._frame_samples : (last - start) * self._frame_samples]

    def _chunks(self, text: str, run: onnxruntime.RunOptions) -> Iterator[SpokenChunk]:
        """`speak`, step by step, in the engine's thread."""
        words = text.split()
        began_s = time.perf_counter()
        sentences = self.phonemize(text)
        if not sentences and words:
            yield SpokenChunk(np.zeros(0, np.int16), (SpokenWord(0),) * len(words))
        took_ms = {"phonemes": (time.perf_counter() - began_s) * 1000}
        counts: list[int] = []
        made = told = before = 0  # samples and words given out; phonemes of the sentences before this one
        for phonemes in sentences:
            began_s = time.perf_counter()
            encoded = self.encode(phonemes, run)
            encoded_s = time.perf_counter()
            begin, voiced = made, made
            plan = piper_sound.chunk_ends(encoded.frames, lead=encoded.lead, tail=encoded.tail)
            for first, last in pairwise([0, *(plan if self._decoder else [encoded.frames])]):
                sound = self.decode(encoded, first, last, run)
                if first == 0:
                    quiet = piper_sound.silence_before(sound, self.sample_rate)
                    sound, begin = sound[quiet:], begin - quiet
                pause = 0
                if last == encoded.frames:
                    sound = sound[: len(sound) - piper_sound.silence_after(sound, self.sample_rate)]
                    pause = int(piper_sound.pause_s("".join(phonemes)) * self.sample_rate)
                samples = piper_sound.to_int16(sound, self._gain)
                if not made:
                    took_ms["encode"] = (encoded_s - began_s) * 1000
                    took_ms["decode"] = (time.perf_counter() - encoded_s) * 1000
                made, voiced = made + len(samples) + pause, made + len(samples)
                ended: list[SpokenWord] = []
                if before or first or last == encoded.frames:  # the very first sound does not wait for the words' places
                    counts = counts or self._word_ends(words, sentences)
                    for count in counts[told:]:
                        if count - before > len(phonemes):
                            break
                        end = begin + int(encoded.phoneme_ends[max(count - before, 1) - 1]) * self._frame_samples
                        if end > voiced and last != encoded.frames:
                            break
                        ended.append(SpokenWord(max(begin, min(end, voiced))))
                    told += len(ended)
                yield SpokenChunk(np.concatenate((samples, np.zeros(pause, np.int16))), tuple(ended), took_ms)
            before += len(phonemes) + 1

    def _word_ends(self, words: list[str], sentences: list[list[str]]) -> list[int]:
        """For each word, how many phonemes have been said by then, a space between sentences counted."""
        alone = [[phoneme for sentence in self.phonemize(word) for phoneme in sentence] for word in words]
        together = [phoneme for sentence in sentences for phoneme in (*sentence, " ")][:-1]
        return word_ends(alone, together)

    def _id_counts(self, phonemes: list[str]) -> list[int]:
        """How many of the ids are the beginning, each phoneme, and the end; as piper-tts lays them out."""
        ids = self._config.phoneme_id_map
        pad = len(ids[PAD])
        each = [len(ids[phoneme]) + pad if phoneme in ids else 0 for phoneme in phonemes]
        return [len(ids[BOS]) + pad, *each, len(ids[EOS])]


def language_of(espeak_voice: str) -> str:
    """ISO 639-1 of what a voice speaks: espeak's names begin with it, but for Chinese ("cmn", "yue") and Norwegian ("nb")."""
    code = espeak_voice.partition("-")[0].lower()
    return {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no"}.get(code, code) or "en"


def installed_language(directory: Path) -> str | None:
    """The language of the voice in a folder, without loading it; None if there is none that can be read."""
    try:
        path = voice_model_path(directory)
        return language_of(json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))["espeak"]["voice"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EngineError):
        return None


def _sessions(
    directory: Path, threads: int, providers: list[str]
) -> tuple[onnxruntime.InferenceSession, onnxruntime.InferenceSession | None]:
    halves = prepare(directory)
    if halves is None:
        return _session(str(voice_model_path(directory)), threads, providers), None
    return _session(halves.encoder, threads, providers), _session(halves.decoder, threads, providers)


def _session(model: str | bytes, threads: int, providers: list[str]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the core that paces the sound which is playing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A pattern is kept for each length of input, and no two sentences have the same: 30 MB that save nothing.
    options.enable_mem_pattern = False
    # Its own pool keeps 40 MB from loading, and never shrinks; the C library's is as fast.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=providers)


def _providers(device: str) -> list[str]:
    """onnxruntime's names for what to compute on. Raises EngineError if there is no CUDA where it was asked for."""
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise EngineError("the voice cannot run on CUDA: install onnxruntime-gpu in place of onnxruntime, or set --device cpu")
    return (["CUDAExecutionProvider"] if has_cuda and device != "cpu" else []) + ["CPUExecutionProvider"]
