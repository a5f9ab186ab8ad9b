"""From the person's first sound to silence, told from what arrived."""

from __future__ import annotations

import numpy as np

from rtvi_local.bench.caller import Arrival, Message
from rtvi_local.bench.interruption import ENDED, STOPPED, WENT_ON, outcome, silent_from

LOUD = np.full(960, 5000, np.int16)
SILENT = np.zeros(960, np.int16)
INTERRUPTED = [Message(1150, "bot-interrupted", None, None)]


def sounds(*spans: tuple[int, int]) -> list[Arrival]:
    return [Arrival(float(at_ms), LOUD) for start, end in spans for at_ms in range(start, end, 20)]


def test_silence_begins_with_the_end_of_the_last_audible_packet() -> None:
    assert silent_from(sounds((0, 1240)), from_ms=1000, until_ms=2000) == 1240


def test_packets_without_sound_are_silence() -> None:
    arrivals = sounds((0, 1240)) + [Arrival(float(at_ms), SILENT) for at_ms in range(1240, 2000, 20)]
    assert silent_from(arrivals, from_ms=1000, until_ms=2000) == 1240


def test_a_pause_between_words_is_not_silence() -> None:
    assert silent_from(sounds((0, 1100), (1300, 1500)), from_ms=1000, until_ms=2500) == 1500


def test_a_bot_that_falls_silent_because_it_was_interrupted_was_stopped() -> None:
    assert outcome(sounds((0, 1140)), INTERRUPTED, 1000, 2000) == (140, STOPPED)


def test_the_next_answer_is_not_the_interrupted_one_going_on() -> None:
    assert outcome(sounds((0, 1140), (1800, 2500)), INTERRUPTED, 1000, 2500) == (140, STOPPED)


def test_a_bot_that_never_falls_silent_went_on() -> None:
    assert silent_from(sounds((0, 2500)), from_ms=1000, until_ms=2500) is None
    for messages in (INTERRUPTED, []):
        assert outcome(sounds((0, 2500)), messages, 1000, 2500) == (None, WENT_ON)


def test_a_bot_that_speaks_over_the_person_to_its_own_end_went_on() -> None:
    assert outcome(sounds((0, 1800)), [], 1000, 3000) == (None, WENT_ON)


def test_a_bot_that_was_held_and_came_back_went_on() -> None:
    assert outcome(sounds((0, 1140), (2000, 2500)), [], 1000, 3000) == (None, WENT_ON)


def test_a_bot_that_had_said_all_it_had_to_say_was_not_interrupted() -> None:
    for arrivals in (sounds((0, 900)), sounds((0, 1005)), []):
        for messages in (INTERRUPTED, []):
            assert outcome(arrivals, messages, 1000, 2000) == (None, ENDED)
    assert outcome(sounds((0, 1120)), [], 1000, 2000) == (None, ENDED)


def test_the_answer_to_what_was_said_after_the_bot_had_ended_is_not_the_bot_going_on() -> None:
    answered = [Message(2010, "bot-started-speaking", None, None)]
    assert outcome(sounds((0, 1120), (2000, 3000)), answered, 1000, 3000) == (None, ENDED)
    assert outcome(sounds((0, 1120), (2000, 3000)), [], 1000, 3000) == (None, WENT_ON), "no other answer began"
