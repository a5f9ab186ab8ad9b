"""Speech that was taken for the own voice, found in hindsight. Pure; fed with the windows of the voice activity detector."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from rtvi_local.audio.echo_path import FRAME_MS
from rtvi_local.audio.hindsight import LONGEST_FRAMES
from rtvi_local.audio.voice_activity import VoiceActivity

SURELY_OVER_MS = 250.0
"""Of silence. What was said more lately than that may not yet be told from the own voice."""
WORD_FRAMES = 10
"""Of which others are known. From fewer the end of what they say cannot be told."""


@dataclass(frozen=True, slots=True)
class Found:
    """Times are milliseconds before now."""

    began_ms: float
    sounded_ms: float
    """The end of the last window with speech in it."""
    is_over: bool


class HiddenSpeech:
    """Remembers what the detector thought of each window, the newest last, while nobody is known to speak."""

    def __init__(self, window_ms: float) -> None:
        self._window_ms = window_ms
        self._probabilities: deque[float] = deque(maxlen=int(LONGEST_FRAMES * FRAME_MS / window_ms))

    def push(self, probability: float) -> None:
        self._probabilities.append(probability)

    def clear(self) -> None:
        self._probabilities.clear()

    def find(
        self, others: Collection[int], since_ms: float, activity: VoiceActivity, *, is_guess: bool = False
    ) -> Found | None:
        """The speech in those windows in which somebody else than the appliance sounded, if there is any.

        `others` are the frames in which they did: how many of FRAME_MS before now. The last window ended `since_ms` ago.
        `activity` is one that has heard nothing yet. `is_guess`: what sounds like speech behind it is the appliance's by
        no more than a guess; who is known by a syllable may go on in it."""
        began_ms, sounded_ms, quiet_ms = None, 0.0, math.inf
        for index, probability in enumerate(self._probabilities):
            ended_ms = since_ms + (len(self._probabilities) - 1 - index) * self._window_ms
            is_theirs = any(-FRAME_MS < ago * FRAME_MS - ended_ms < self._window_ms for ago in others)
            if activity.push(probability if is_theirs else 0.0) == "started" and began_ms is None:
                began_ms = ended_ms
            if activity.speaking and activity.silence_ms == 0:
                sounded_ms = ended_ms
            if probability >= activity.threshold:
                quiet_ms = ended_ms
        if began_ms is None:
            return None
        over_ms = quiet_ms if is_guess and len(others) < WORD_FRAMES else sounded_ms
        return Found(began_ms, sounded_ms, is_over=not activity.speaking and over_ms >= SURELY_OVER_MS)
