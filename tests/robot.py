"""Who speaks other languages in tests: espeak-ng."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.audio.pcm import to_float
from rtvi_local.bench.speech import read_wav
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32


def said_by_a_robot(voice: str, sentence: str, folder: Path) -> Float32:
    """16 kHz, with 0.3 s of silence on either side; a file is left in `folder`. Skips the test where there is no robot."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("there is nobody here who speaks another language (Debian: apt install espeak-ng)")
    file = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "145", "-w", str(file), sentence], check=True)
    quiet = np.zeros(LISTENING_SAMPLE_RATE * 3 // 10, np.float32)
    return np.concatenate([quiet, to_float(read_wav(file, LISTENING_SAMPLE_RATE)), quiet])
