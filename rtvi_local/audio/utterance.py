"""The audio of what a person is saying, from a little before it began. Pure."""

from __future__ import annotations

from collections import deque

import numpy as np

from rtvi_local.audio.pcm import Float32


class UtteranceBuffer:
    """Keeps the last `preroll_samples` while closed, everything (up to `max_samples`, the newest) while open or waiting."""

    def __init__(self, preroll_samples: int, max_samples: int, lead_samples: int = 0) -> None:
        self._preroll_samples = preroll_samples
        self._lead_samples = lead_samples
        self._max_samples = max_samples
        self._pieces: list[Float32] = []
        self._length = 0
        self.first = 0
        """The number of the first sample that is kept, counted from the utterance's own first."""
        self.is_open = False
        self.is_waiting = False
        """What sounds may turn out to belong to an utterance: nothing of it may be lost until that is known."""
        self._hushed: tuple[int, int, int] | None = None
        """Silent are the samples before the first number, and those between the other two."""
        self._masked_pieces = 0
        """How many of the last pieces are masked."""
        self._lead: deque[Float32] = deque()
        """What the very last of them hold in truth."""
        self._random = np.random.default_rng(0)

    def append(self, samples: Float32) -> None:
        self._forget_masked()
        self._append(samples)

    def append_masked(self, samples: Float32) -> None:
        """What is nobody's: silence in its place."""
        self._append(np.zeros_like(samples))
        self._masked_pieces += 1
        self._lead.append(samples)
        while sum(piece.size for piece in self._lead) > self._lead_samples:
            self._lead.popleft()

    def unmask(self) -> None:
        """The last `lead_samples`, if they were masked and nothing has come since, are somebody's after all. What was masked
        before them gets the noise of the room: after none at all, "Right." began like "Bright." to Whisper."""
        count = len(self._pieces)
        masked, lead = max(0, count - self._masked_pieces), max(0, count - len(self._lead))
        room = min((float(np.sqrt(np.mean(piece**2))) for piece in self._lead if piece.size), default=0.0)
        for number in range(masked, lead):
            self._pieces[number] = room * self._random.standard_normal(self._pieces[number].size, np.float32)
        self._pieces[lead:] = list(self._lead)[len(self._lead) - (count - lead) :]
        self._forget_masked()

    def _forget_masked(self) -> None:
        self._masked_pieces = 0
        self._lead.clear()

    def _append(self, samples: Float32) -> None:
        self._pieces.append(samples)
        self._length += samples.size
        self._keep_last(self._max_samples if self.is_open or self.is_waiting else self._preroll_samples)

    def _keep_last(self, keep: int) -> None:
        while self._pieces and self._length - self._pieces[0].size >= keep:
            dropped = self._pieces.pop(0).size
            self._length -= dropped
            self.first += dropped

    def open(self, since_samples: int = 0) -> None:
        """It began so long ago. May be called again within the utterance, which goes on."""
        if not self.is_open:
            self._keep_last(self._preroll_samples + since_samples)
            self.is_open = True
            self.first = 0

    def hush_outside(self, first: int, last: int) -> None:
        """Nothing but silence before the last `first` samples and in the last `last` ones. May be called again with others."""
        end = self.first + self._length
        self._hushed = end - first, end - last, end

    def goes_on(self) -> bool:
        """What was taken for its end is none: the silence behind it is not to be silent. Whether there was such a silence."""
        if self._hushed is None:
            return False
        begin, stop, end = self._hushed
        self._hushed = begin, end, end
        return stop < end

    def close(self) -> None:
        """What was said has been dealt with. The end of it stays as the pre-roll of what comes next."""
        self.is_open = False
        if self._hushed is not None:
            self._pieces, self._hushed = [self.samples], None
        self.append(np.zeros(0, np.float32))

    def clear(self) -> None:
        """Forget the pre-roll too."""
        self.is_open = False
        self._pieces.clear()
        self._forget_masked()
        self._length = 0
        self._hushed = None

    @property
    def samples(self) -> Float32:
        if not self._pieces:
            return np.zeros(0, np.float32)
        samples = np.concatenate(self._pieces)
        if self._hushed is not None:
            begin, stop, end = (max(0, number - self.first) for number in self._hushed)
            samples[:begin] = 0
            samples[stop:end] = 0
        return samples
