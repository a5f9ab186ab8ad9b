"""Smart Turn v3.2 on onnxruntime: does the last of what was said sound finished?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from rtvi_local.engines.courtesy import Courtesy
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.log_mel import HOP_SAMPLES, WINDOW_SAMPLES, clipped, log_mel_frames
from rtvi_local.engines.model_files import loading, require_files
from rtvi_local.engines.onnx import quiet_session
from rtvi_local.engines.worker import Worker

MODEL_FILE = "smart-turn-v3.2-cpu.onnx"
HEARD_SAMPLES = 8 * LISTENING_SAMPLE_RATE
FRAMES = HEARD_SAMPLES // HOP_SAMPLES
BANDS = 80
_HALF = WINDOW_SAMPLES // 2


def features(samples: Float32) -> Float32:
    """What the model was trained on: shape (80, 800), the log-mel of the last 8 s, shorter audio preceded by zeros, scaled to
    zero mean and unit variance *with* those zeros (Whisper's extractor in transformers with do_normalize, 8 s long)."""
    heard = samples[-HEARD_SAMPLES:]
    total = float(heard.sum(dtype=np.float64))
    mean = total / HEARD_SAMPLES
    variance = float(np.square(heard, dtype=np.float64).sum()) / HEARD_SAMPLES - mean * mean
    scale = 1 / np.sqrt(max(variance, 0.0) + 1e-7)
    # Frames that lie wholly in the zeros before the speech are all alike: one stands for all of them.
    alike = max((HEARD_SAMPLES - len(heard) - _HALF) // HOP_SAMPLES, 0)
    kept = np.zeros(HEARD_SAMPLES - alike * HOP_SAMPLES, np.float32)
    kept[len(kept) - len(heard) :] = heard
    kept = ((kept - mean) * scale).astype(np.float32)
    frames = log_mel_frames(np.pad(kept, _HALF, mode="reflect"), BANDS)[: FRAMES - alike]
    whole = np.concatenate((np.repeat(frames[:1], alike, axis=0), frames))
    return np.ascontiguousarray(clipped(whole).T)


class SmartTurn:
    """The model, shared by all conversations (TurnDetector)."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self.courtesy = Courtesy()
        """Asked while it looks: two threads of a language model and one of this on two cores hinder each other for 65 ms, and
        this alone takes 30."""
        self._worker = Worker("smart-turn")

    @classmethod
    def load(cls, directory: Path, *, device: str = "cpu", threads: int = 1) -> SmartTurn:
        """Blocking. Always on the CPU: the int8 model has no faster place. Raises EngineError."""
        del device
        require_files(directory, MODEL_FILE)
        with loading(directory, device="cpu"):
            sizes = {"input_features": (None, BANDS, FRAMES)}
            model = cls(quiet_session(directory / MODEL_FILE, threads=threads, inputs=sizes))
            model.blocking_probability(np.random.default_rng(0).normal(0, 0.1, HEARD_SAMPLES).astype(np.float32))
        return model

    async def probability(self, samples: Float32) -> float:
        """How likely the speaker has finished, 0 … 1, given the utterance so far (16 kHz; only its last 8 s count)."""
        with self.courtesy.asked():
            return await self._worker.run(self.blocking_probability, samples)

    def blocking_probability(self, samples: Float32) -> float:
        (probability,) = self._session.run(("logits",), {"input_features": features(samples)[None]})
        return float(probability[0, 0])  # named logits, but the graph ends in a sigmoid

    def close(self) -> None:
        """Wait for what runs and end the thread."""
        self._worker.close()
