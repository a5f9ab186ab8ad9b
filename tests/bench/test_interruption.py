"""From the person's first sound to silence, told from what arrived."""

from __future__ import annotations

import numpy as np

from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.interruption import silent_from

LOUD = np.full(960, 5000, np.int16)
SILENT = np.zeros(960, np.int16)


def sounds(*spans: tuple[int, int]) -> list[Arrival]:
    return [Arrival(float(at_ms), LOUD) for start, end in spans for at_ms in range(start, end, 20)]


def test_silence_begins_with_the_end_of_the_last_audible_packet() -> None:
    assert silent_from(sounds((0, 1240)), from_ms=1000, until_ms=2000) == 1240


def test_packets_without_sound_are_silence() -> None:
    arrivals = sounds((0, 1240)) + [Arrival(float(at_ms), SILENT) for at_ms in range(1240, 2000, 20)]
    assert silent_from(arrivals, from_ms=1000, until_ms=2000) == 1240


def test_a_pause_between_words_is_not_silence() -> None:
    assert silent_from(sounds((0, 1100), (1300, 1500)), from_ms=1000, until_ms=2500) == 1500


def test_a_bot_that_goes_on_was_not_interrupted() -> None:
    assert silent_from(sounds((0, 2500)), from_ms=1000, until_ms=2500) is None


def test_a_bot_that_had_finished_was_not_interrupted() -> None:
    assert silent_from(sounds((0, 900)), from_ms=1000, until_ms=2000) is None
    assert silent_from([], from_ms=1000, until_ms=2000) is None
