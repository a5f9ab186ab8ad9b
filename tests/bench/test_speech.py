"""Where in a recording the voice is."""

from __future__ import annotations

import numpy as np

from rtvi_local.bench.caller import Caller, Said
from rtvi_local.bench.speech import speech_span
from rtvi_local.engines.interfaces import Float32

SECOND = 48_000


class Loudness:
    """Takes what is loud for speech, and not a click of one window."""

    window_samples = 512

    def __init__(self) -> None:
        self._before = 0.0

    def probability(self, window: Float32) -> float:
        level, self._before = self._before, float(np.sqrt(np.mean(window**2)))
        return 1.0 if min(level, self._before) > 0.1 else 0.0

    def reset(self) -> None: ...


def test_only_what_the_detector_hears_is_speech() -> None:
    sound = np.zeros(3 * SECOND, np.int16)
    sound[SECOND : 2 * SECOND] = 10_000
    sound[5 * SECOND // 2 :][:100] = 30_000
    begins, ends = speech_span(sound, Loudness())
    assert abs(begins - SECOND) <= 2 * 3 * 512
    assert abs(ends - 2 * SECOND) <= 2 * 3 * 512


def test_one_window_that_sounds_like_speech_is_noise() -> None:
    sound = np.zeros(3 * SECOND, np.int16)
    sound[SECOND : 2 * SECOND] = 10_000
    alone = speech_span(sound, Loudness())
    sound[78 * 3 * 512 :][: 2 * 3 * 512] = 30_000  # the second of these windows is speech to it
    assert speech_span(sound, Loudness()) == alone


def test_where_nothing_is_heard_everything_counts() -> None:
    assert speech_span(np.zeros(SECOND, np.int16), Loudness()) == (0, SECOND)


def test_the_clock_ignores_a_click_after_the_voice() -> None:
    said = Said(np.zeros(4800, np.int16), (960, 2400))
    frame = np.full(960, 5000, np.int16)
    for position in range(0, 4800, 960):
        Caller._note_sound(said, frame, position, due=1 + position / SECOND)
    assert round(said.first_sound_ms) == 1000, "the second frame's first sample, when it was recorded"
    assert round(said.last_sound_ms) == 1030, "the middle of the third frame"
