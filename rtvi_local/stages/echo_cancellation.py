"""Before everything that listens: takes the echo of what was sent out of what is heard, where echo.cancel asks for it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rtvi_local.engines.interfaces import EchoCanceller
from rtvi_local.pipeline.frames import Audio, Frame
from rtvi_local.pipeline.stage import Stage


class EchoCancellation(Stage):
    """What is sent has to be told to the same canceller."""

    name: ClassVar[str] = "echo_cancellation"

    def __init__(self, canceller: EchoCanceller) -> None:
        super().__init__()
        self._canceller = canceller

    def receive(self, frame: Frame) -> None:
        if isinstance(frame, Audio):
            samples = self._canceller.cleaned(frame.samples)
            if not samples.size:
                return
            frame = replace(frame, samples=samples)
        self.forward(frame)
