"""From speech probabilities to "started" and "stopped": hysteresis with a memory. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Change = Literal["suspected", "started", "stopped"] | None
"""Suspected: the first window that sounds like speech. The next ones tell."""

HYSTERESIS = 0.15
"""How far below the starting threshold a window must fall to count as silence (Silero's own recommendation)."""


@dataclass(slots=True)
class VoiceActivity:
    """Feed it one probability per window. Times are in milliseconds of audio, so a busy machine changes nothing."""

    threshold: float
    start_ms: float
    stop_ms: float
    window_ms: float
    speaking: bool = False
    silence_ms: float = 0.0
    """How long it has been quiet, within speech."""
    _speech_ms: float = 0.0

    def push(self, probability: float) -> Change:
        if not self.speaking:
            # Not reset by one weak window: a plosive is a gap in the voice, and "No." is hardly longer than two windows.
            was_quiet = self._speech_ms == 0
            if probability >= self.threshold:
                self._speech_ms += self.window_ms
            else:
                self._speech_ms = max(0.0, self._speech_ms - self.window_ms)
            if self._speech_ms < max(self.start_ms, self.window_ms):
                return "suspected" if was_quiet and self._speech_ms > 0 else None
            self.speaking, self.silence_ms = True, 0.0
            return "started"
        if probability >= self.threshold - HYSTERESIS:
            self.silence_ms = 0.0
            return None
        self.silence_ms += self.window_ms
        if self.silence_ms < self.stop_ms:
            return None
        self.speaking, self._speech_ms = False, 0.0
        return "stopped"
