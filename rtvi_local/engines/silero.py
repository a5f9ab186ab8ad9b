"""Silero VAD v6 on onnxruntime: is this window of 32 ms speech?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.model_files import loading, require_files
from rtvi_local.engines.onnx import quiet_session

MODEL_FILE = "silero_vad_16k_op15.onnx"
WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The model sees the end of the window before, too. Without it, it hears far less speech, and says nothing."""
_STATE_SHAPE = (2, 1, 128)


class Silero:
    """The model, shared by all conversations. Each takes a detector of its own."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def load(cls, directory: Path, *, device: str = "cpu", threads: int = 1) -> Silero:
        """Blocking. Always on one thread of the CPU: a window is 0.1 ms of work. Raises EngineError."""
        del device, threads
        require_files(directory, MODEL_FILE)
        with loading(directory, device="cpu"):
            sizes = {"input": (None, None), "state": _STATE_SHAPE, "sr": ()}
            model = cls(quiet_session(directory / MODEL_FILE, threads=1, inputs=sizes, keeps_pool=True))
            model.detector().probability(np.zeros(WINDOW_SAMPLES, np.float32))
        return model

    def detector(self) -> SileroDetector:
        """A new conversation's detector, which has heard nothing."""
        return SileroDetector(self._session)


class SileroDetector:
    """One conversation's detector (VoiceActivityDetector)."""

    window_samples = WINDOW_SAMPLES

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input = np.zeros((1, CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self._feed = {"input": self._input, "state": np.zeros(_STATE_SHAPE, np.float32), "sr": np.array(LISTENING_SAMPLE_RATE)}

    def probability(self, window: Float32) -> float:
        """How likely the next 512 samples (16 kHz) are speech, 0 … 1."""
        self._input[0, CONTEXT_SAMPLES:] = window
        probability, self._feed["state"] = self._session.run(("output", "stateN"), self._feed)
        self._input[0, :CONTEXT_SAMPLES] = window[-CONTEXT_SAMPLES:]
        return float(probability[0, 0])

    def reset(self) -> None:
        """Forget what came before."""
        self._input.fill(0)
        self._feed["state"] = np.zeros(_STATE_SHAPE, np.float32)
