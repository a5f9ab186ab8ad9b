"""Sound cut anew, for providers that want more than 20 ms in a message. Pure: frames in, pieces out, no clock."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtvi_local.audio.pcm import Int16


class Pieces:
    """Frames put together into pieces of so many samples each; with 0, every frame is a piece."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._rest: Int16 = np.zeros(0, np.int16)
        self._hurries = False

    def push(self, samples: Int16) -> Iterator[Int16]:
        """What is to be sent now."""
        if not self._samples:
            yield samples
            return
        self._rest = np.concatenate([self._rest, samples])
        if self._hurries:
            self._rest = np.concatenate([self._rest, np.zeros(-self._rest.size % self._samples, np.int16)])
            self._hurries = False
        while self._rest.size >= self._samples:
            yield self._rest[: self._samples]
            self._rest = self._rest[self._samples :]

    def clear(self) -> None:
        """Forget what is left. The next frame, the end of a voice that was cut off, does not wait for others: silence fills its
        piece."""
        self.end()
        self._hurries = True

    def end(self) -> None:
        """Silence lasts, and what is left is silence too: forget it."""
        self._rest = self._rest[:0]
        self._hurries = False
