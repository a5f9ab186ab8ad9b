"""A client's receive buffer: nothing is lost or played twice for long, whatever comes late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE
from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.loudspeaker import BUFFERED_MS, Playout

TONE = (8000 * np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 100 / SAMPLE_RATE)).astype(np.int16)


def played(late_ms: dict[int, float], seconds: float = 1.0, sent: npt.NDArray[np.int16] = TONE) -> npt.NDArray[np.float32]:
    """A second of sound in packets, of which some are late, and those behind them no earlier."""
    arrivals: list[Arrival] = []
    for number in range(SAMPLE_RATE // FRAME_SAMPLES):
        at_ms = max(20.0 * number + late_ms.get(number, 0.0), arrivals[-1].at_ms if arrivals else 0.0)
        arrivals.append(Arrival(at_ms, sent[number * FRAME_SAMPLES :][:FRAME_SAMPLES], 20.0 * number))
    playout = Playout(arrivals)
    return np.concatenate([playout.frame(20.0 * (n + 1)) for n in range(int(seconds * 50))])


def sounding_ms(sound: npt.NDArray[np.float32]) -> float:
    return 20.0 * sum(bool(frame.any()) for frame in sound.reshape(-1, FRAME_SAMPLES))


def test_what_comes_in_time_is_played_as_it_was_sent() -> None:
    sound = played({}, 1.2)
    lead = int(np.flatnonzero(sound)[0]) - 1
    assert abs(lead - BUFFERED_MS * SAMPLE_RATE / 1000) <= FRAME_SAMPLES
    assert np.abs(sound[lead : lead + SAMPLE_RATE] - TONE).max() < 1


def test_what_is_late_is_filled_in_for_and_what_follows_is_played_later_until_that_is_made_up_for() -> None:
    sound = played({10: 75.0}, 1.5)
    assert np.abs(sound[10 * FRAME_SAMPLES : 15 * FRAME_SAMPLES]).max() > 1000, "something is heard meanwhile"
    longer_ms = sounding_ms(sound) - sounding_ms(played({}, 1.5))
    assert 40 <= longer_ms <= 80, "75 ms less what was buffered, and less 1 % of what was played since"


def test_silence_that_is_late_delays_nothing_and_sound_that_is_late_is_not_made_up_for_in_the_next_silence() -> None:
    sent = TONE.copy()
    sent[20 * FRAME_SAMPLES : 40 * FRAME_SAMPLES] = 0
    in_time = played({}, 1.5, sent)
    assert np.array_equal(played({25: 75.0}, 1.5, sent), in_time)
    after = 41 * FRAME_SAMPLES
    first, later = (np.flatnonzero(sound[after:])[0] for sound in (in_time, played({10: 75.0}, 1.5, sent)))
    assert 1000 * (later - first) / SAMPLE_RATE >= 30, "75 ms less what was buffered, and less 1 % of what was played since"
