from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rtvi_local.audio.bands import BANDS
from rtvi_local.audio.surprise import NO_SURPRISE_DB, Evidence, excess


def told(*frames: float) -> list[bool]:
    """After each frame that stood out by so many dB, whether somebody else sounds."""
    evidence = Evidence()
    return [evidence.suffices(excess_db) for excess_db in frames]


def test_only_what_is_above_echo_and_noise_by_more_than_chance_counts() -> None:
    explained, noise = np.full(BANDS, -50, np.float32), np.full(BANDS, -60, np.float32)
    levels = explained + NO_SURPRISE_DB
    assert excess(levels, explained, noise) == 0
    levels[:2] += 5
    assert excess(levels, explained, noise) == pytest.approx(10)
    assert excess(levels, noise, explained) == pytest.approx(10)


def test_a_click_is_nobody_however_loud() -> None:
    assert not any(told(200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200))


@pytest.mark.parametrize("frames", [(17, 14, 8, 0, 1), (15, 13, 8, 0, 3), (2, 5, 5, 10, 2, 4, 6, 4, 2)])
def test_what_an_echo_stood_out_by_when_packets_were_late_is_nobody(frames: Sequence[float]) -> None:
    assert not any(told(*frames))


def test_what_shows_in_gaps_of_the_echo_adds_up() -> None:
    assert told(12, 4, 14, 15) == [False, False, False, True]


def test_what_stands_out_a_little_for_a_fifth_of_a_second_is_somebody() -> None:
    assert told(*[6.0] * 10)[-1]
    assert not any(told(*[3.5] * 100))


def test_who_was_heard_is_heard_on_for_a_moment_while_the_echo_hides_them() -> None:
    assert told(29, 30, 2, 0, 0, 0) == [False, True, True, True, True, False]
