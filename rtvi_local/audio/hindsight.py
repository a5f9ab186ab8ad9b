"""Who spoke over the beginning of the first reply, found when more is known of how the own voice comes back. Pure.

At its first sounds everything could be an echo. A word that somebody says then may be over before the way is known, and when
it arrived nothing of it stood out of what was thought possible. Each further 20 ms of the reply rules out some of that, for
what came before too: it was no echo of what had been sent that long ago, if mostly there is no such echo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtvi_local.audio.echo_path import LEAST_GAIN_DB, LEAST_SENT_DB, UNKNOWN_GAIN_DB
from rtvi_local.audio.pcm import Float32
from rtvi_local.audio.surprise import surprises

LONGEST_FRAMES = 100
"""Two seconds. Who got no answer for so long has said it again."""
LEAST_FRAMES = 6
"""With sound in one band, that are needed to say anything of its echo after one delay."""
SHARE = 0.25
"""Of the frames are as weak as the echo, or weaker. A person who speaks in fewer than three of four changes nothing then; with
less, the chance of a few frames' interference would."""


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    levels: Float32
    sent: Float32


class Hindsight:
    """Of one conversation. Frames of 20 ms have numbers that grow by one."""

    def __init__(self) -> None:
        self._frames: list[_Frame] = []

    def note(self, number: int, levels: Float32, sent: Float32) -> None:
        """`levels` (BANDS) arrived after `sent` (DELAYS, BANDS, the newest first)."""
        self._frames = [*self._frames[-LONGEST_FRAMES + 1 :], _Frame(number, levels, sent.copy())]

    def forget(self) -> None:
        self._frames.clear()

    def others(self, number: int, noise: Float32) -> tuple[int, ...]:
        """In which frames somebody else sounded: how many before this one. `noise` (BANDS) is the room's. Takes 0.5 ms."""
        if len(self._frames) < LEAST_FRAMES:
            return ()
        levels = np.stack([frame.levels for frame in self._frames])
        sent = np.stack([frame.sent for frame in self._frames])
        strange = surprises(levels, (_gains(levels, sent) + sent).max(axis=1), noise)
        again = np.concatenate([[False], strange[:-1]]) & strange
        return tuple(number - frame.number for frame, other in zip(self._frames, again, strict=True) if other)


def _gains(levels: Float32, sent: Float32) -> Float32:
    """The loudest echo (DELAYS, BANDS) that these frames allow, dB."""
    sounded = sent > LEAST_SENT_DB
    ratios = np.sort(np.where(sounded, levels[:, None] - sent, np.inf), axis=0)
    frames = sounded.sum(axis=0)
    gains = np.take_along_axis(ratios, (frames * SHARE).astype(np.intp)[None], axis=0)[0]
    known = np.clip(gains, LEAST_GAIN_DB, UNKNOWN_GAIN_DB)
    return np.where(frames >= LEAST_FRAMES, known, UNKNOWN_GAIN_DB).astype(np.float32)
