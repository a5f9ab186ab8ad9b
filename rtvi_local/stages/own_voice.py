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
        if isinstance(frame, Audio):
            own_voice = self._own_voice.explains(frame.samples)
            is_guess = own_voice and not self._own_voice.path.is_known
            others = self._own_voice.others()
            if own_voice or others:
                frame = replace(frame, own_voice=own_voice, is_guess=is_guess, others=others)
        self.forward(frame)
