"""`rtvi-local talk` in a terminal, with the real models."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.models


class Terminal:
    """A command in a pseudo-terminal."""

    def __init__(self, *arguments: str, models: Path) -> None:
        self._master, slave = os.openpty()
        # What is looked at is the terminal, not the luck of an answer.
        environment = {**os.environ, "RTVI_LOCAL_MODELS_DIRECTORY": str(models), "RTVI_LOCAL_LLM_TEMPERATURE": "0"}
        command = [sys.executable, "-m", "rtvi_local", *arguments]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self.shown = ""
        """Since what was waited for last."""

    def read_until(self, text: str, timeout_s: float) -> None:
        """Wait until it is shown, after what was waited for before."""
        until = time.monotonic() + timeout_s
        while text not in self.shown:
            ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{text!r} did not come; this did: {self.shown!r}"
            self.shown += os.read(self._master, 4096).decode(errors="replace").replace("\r\n", "\n")
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


def test_a_question_that_is_typed_is_answered_and_control_d_ends_it(models_directory: Path) -> None:
    terminal = Terminal("talk", "--text", models=models_directory)
    try:
        terminal.read_until("\nyou: ", 120)
        terminal.type("What is the capital of France? Answer with its name.\n")
        terminal.read_until("bot: ", 60)
        terminal.read_until("Paris", 60)
        terminal.read_until("\nyou: ", 60)
        terminal.type("\x04")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()
