"""What of a continuous voice is worth sending over TCP. Pure: frames in, frames out, no clock.

A client behind a WebSocket plays what comes, as it comes, and throws nothing away: if silence were sent as well, whatever the
network once held up would stay in its buffer, and every later word, and every interruption, would be late by that for ever.
So lasting silence is not sent, the buffer runs empty in every pause, and each stretch of speech starts anew. It starts with a
little silence, which is the buffer that the client does not make for itself.
"""

from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import Int16

LEAD_MS = 60
"""Silence before speech: what may come late without a gap. Three frames cover a busy browser and a home's Wi-Fi."""
HANGOVER_MS = 200
"""Silence after speech that is still sent: shorter pauses belong to the speech."""


class Talkspurts:
    """Digital silence that lasts is left out."""

    def __init__(self, sample_rate: int, *, lead_ms: int = LEAD_MS, hangover_ms: int = HANGOVER_MS) -> None:
        self._lead: Int16 = np.zeros(sample_rate * lead_ms // 1000, np.int16)
        self._hangover_samples = sample_rate * hangover_ms // 1000
        self._silent_samples = self._hangover_samples

    @property
    def lasts(self) -> bool:
        """Whether it is silent, and more silence would not be sent."""
        return self._silent_samples >= self._hangover_samples

    def push(self, samples: Int16) -> Int16 | None:
        """What to send now: the frame, with silence before it where speech begins; None in lasting silence."""
        if not samples.any():
            self._silent_samples += samples.size
            return samples if self._silent_samples <= self._hangover_samples else None
        begins = self.lasts
        self._silent_samples = 0
        return np.concatenate([self._lead, samples]) if begins else samples
