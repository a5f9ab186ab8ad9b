"""The peer's own virtual environment: nothing of it is, or becomes, a dependency of this project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rtvi_local.errors import UserError

PACKAGES = (
    "pipecat-ai[webrtc,openai,piper,silero,whisper]==1.14.0",
    "llama-cpp-python[server]==0.3.36",
    "fastapi",  # pipecat's request handler for WebRTC imports it
    "uvicorn",
)
"""None of these extras wants torch: Silero and Smart Turn come as ONNX files inside the package."""


def ensure(folder: Path) -> Path:
    """Make the environment, if it is not there in this form; returns its Python. Raises UserError."""
    python = folder / "bin" / "python"
    installed = folder / "installed.txt"
    wanted = "\n".join(PACKAGES)
    if installed.is_file() and installed.read_text(encoding="utf-8") == wanted:
        return python
    sys.stderr.write(f"installing the peer into {folder} (llama.cpp is compiled if pip has not kept it: 6 minutes)\n")
    _call([sys.executable, "-m", "venv", str(folder)])
    _call([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *PACKAGES])
    installed.write_text(wanted, encoding="utf-8")
    return python


def _call(command: Sequence[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        raise UserError(f"this failed: {' '.join(command)}")
