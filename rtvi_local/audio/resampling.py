"""Streaming sample rate conversion, by FFmpeg's resampler."""

from __future__ import annotations

import av
import numpy as np

from rtvi_local.audio.pcm import Int16

_NOTHING = np.zeros(0, dtype=np.int16)


class Resampler:
    """Mono in, mono out. Pieces of any length; the first one comes out a few samples short, `flush` gives the rest."""

    def __init__(self, in_rate: int, out_rate: int) -> None:
        self._in_rate = in_rate
        self._resampler = None if in_rate == out_rate else av.AudioResampler(format="s16", layout="mono", rate=out_rate)

    def push(self, samples: Int16) -> Int16:
        if self._resampler is None or samples.size == 0:
            return samples
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._in_rate
        return self._joined(self._resampler.resample(frame))

    def flush(self) -> Int16:
        """What is still inside. The resampler is of no use afterwards."""
        return _NOTHING if self._resampler is None else self._joined(self._resampler.resample(None))

    @staticmethod
    def _joined(frames: list[av.AudioFrame]) -> Int16:
        pieces = [frame.to_ndarray().reshape(-1).astype(np.int16, copy=False) for frame in frames]
        return np.concatenate(pieces) if pieces else _NOTHING


def resampled(samples: Int16, in_rate: int, out_rate: int) -> Int16:
    """All of it at once."""
    resampler = Resampler(in_rate, out_rate)
    return np.concatenate([resampler.push(samples), resampler.flush()])
