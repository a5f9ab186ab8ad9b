"""Before everything that listens: marks what is only the own voice coming back."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rtvi_local.audio.own_voice import OwnVoice
from rtvi_local.pipeline.frames import Audio, Frame
from rtvi_local.pipeline.stage import Stage


class OwnVoiceMark(Stage):
    """Audio passes as it came, with `own_voice` said of it. What is sent has to be told to the same `OwnVoice`."""

    name: ClassVar[str] = "own_voice"

    def __init__(self, own_voice: OwnVoice) -> None:
        super().__init__()
        self._own_voice = own_voice

    def receive(self, frame: Frame) -> None:
        if isinstance(frame, Audio) and self._own_voice.explains(frame.samples):
            frame = replace(frame, own_voice=True, is_guess=not self._own_voice.path.is_known)
        self.forward(frame)
