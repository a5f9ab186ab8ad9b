from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.bench.heard_until import LEAST_LIKENESS, end_of, words_said
from rtvi_local.engines.interfaces import Float32

RATE = 16_000


def voice(seconds: float, seed: int = 0) -> Float32:
    """Noise that comes and goes, as syllables do."""
    chance = np.random.default_rng(seed)
    samples = np.arange(int(seconds * RATE))
    return (chance.standard_normal(samples.size) * (0.1 + 0.05 * np.sin(samples / 900))).astype(np.float32)


@pytest.mark.parametrize("heard_s", [0.2, 0.61, 2.0, 3.999])
def test_the_end_of_a_recording_is_found_to_the_millisecond(heard_s: float) -> None:
    sound = voice(4)
    recording = np.concatenate([np.zeros(5000, np.float32), sound[: int(heard_s * RATE)], np.zeros(9000, np.float32)])
    noisy = (recording + np.random.default_rng(1).standard_normal(recording.size) * 0.001).astype(np.float32)
    place = end_of(noisy, sound)
    assert place.likeness >= LEAST_LIKENESS
    assert place.at_s == pytest.approx(heard_s, abs=0.002)


def test_a_pause_in_the_recording_does_not_matter() -> None:
    sound = voice(4)
    recording = np.concatenate([sound[: 2 * RATE], np.zeros(RATE, np.float32), sound[2 * RATE : 3 * RATE]])
    assert end_of(recording, sound).at_s == pytest.approx(3.0, abs=0.002)


def test_where_the_voice_was_held_and_came_back_what_was_heard_since_tells_where_it_ends() -> None:
    """Half a second before its end it is in two pieces, and the longer one is that before the pause."""
    sound = voice(4)
    came_back = int(1.97 * RATE)
    since = sound[came_back : came_back + int(0.15 * RATE)]
    recording = np.concatenate([sound[: 2 * RATE], np.zeros(RATE // 10, np.float32), since])
    place = end_of(recording, sound)
    assert place.likeness >= LEAST_LIKENESS
    assert place.at_s == pytest.approx(2.12, abs=0.002)


def test_where_it_came_back_for_a_moment_it_went_on_where_it_had_been_held() -> None:
    """60 ms of it, half of them faded in and half out, are like many places of the sound."""
    sound = voice(4)
    since = sound[2 * RATE : int(2.06 * RATE)]
    moment = (since * np.concatenate([np.linspace(0, 1, since.size // 2), np.linspace(1, 0, since.size // 2)])).astype(
        np.float32
    )
    recording = np.concatenate([sound[: 2 * RATE], np.zeros(RATE // 4, np.float32), moment])
    place = end_of(recording, sound)
    assert place.likeness >= LEAST_LIKENESS
    assert place.at_s == pytest.approx(2.06, abs=0.02)


def test_another_sound_is_not_taken_for_it() -> None:
    assert end_of(voice(2, seed=5), voice(4)).likeness < LEAST_LIKENESS


def test_who_heard_nothing_heard_no_word() -> None:
    place = end_of(np.zeros(RATE, np.float32), voice(1))
    assert words_said([0.3, 0.6], place.at_s) == 0


def test_a_word_counts_when_it_has_ended() -> None:
    assert [words_said([0.3, 0.6], at_s) for at_s in (0.0, 0.29, 0.3, 0.59, 9.0)] == [0, 0, 1, 1, 2]
