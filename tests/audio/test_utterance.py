from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio.utterance import UtteranceBuffer


def numbered(buffer: UtteranceBuffer, start: int, stop: int) -> None:
    for first in range(start, stop, 10):
        buffer.append(np.arange(first, first + 10, dtype=np.float32))


def test_what_was_said_just_before_it_opened_is_kept() -> None:
    buffer = UtteranceBuffer(preroll_samples=30, max_samples=1000)
    numbered(buffer, 0, 100)
    buffer.open()
    numbered(buffer, 100, 200)
    samples = buffer.samples
    assert samples[-1] == 199
    assert 70 >= samples[0] > 50


def test_closing_forgets_what_was_said_but_for_the_preroll() -> None:
    buffer = UtteranceBuffer(preroll_samples=30, max_samples=1000)
    buffer.open()
    numbered(buffer, 0, 200)
    buffer.close()
    assert 30 <= buffer.samples.size <= 40
    assert buffer.samples[-1] == 199


def test_it_never_grows_beyond_its_limit() -> None:
    buffer = UtteranceBuffer(preroll_samples=30, max_samples=100)
    buffer.open()
    numbered(buffer, 0, 1000)
    assert 100 <= buffer.samples.size <= 110
    assert buffer.samples[-1] == 999


def test_the_first_sample_that_is_kept_is_numbered_from_the_beginning_of_the_utterance() -> None:
    buffer = UtteranceBuffer(preroll_samples=4, max_samples=10)
    for start in range(0, 20, 2):
        buffer.append(np.arange(start, start + 2, dtype=np.float32))
    buffer.open()
    beginning = buffer.samples[0]
    assert buffer.first == 0
    for start in range(20, 40, 2):
        buffer.append(np.arange(start, start + 2, dtype=np.float32))
        buffer.open()
        assert buffer.first == buffer.samples[0] - beginning, "also where speech goes on after a pause"
    assert buffer.first > 0
    buffer.close()
    buffer.open()
    assert buffer.first == 0


def test_what_waits_is_kept_until_it_is_known_how_long_ago_the_utterance_began() -> None:
    buffer = UtteranceBuffer(preroll_samples=30, max_samples=1000)
    buffer.is_waiting = True
    numbered(buffer, 0, 500)
    buffer.open(since_samples=200)
    assert 230 <= buffer.samples.size <= 240
    assert buffer.first == 0
    assert buffer.samples[-1] == 499


def test_what_waited_in_vain_is_dropped_but_for_the_preroll() -> None:
    buffer = UtteranceBuffer(preroll_samples=30, max_samples=1000)
    buffer.is_waiting = True
    numbered(buffer, 0, 500)
    buffer.open()
    assert 30 <= buffer.samples.size <= 40


def test_outside_of_what_was_said_there_may_be_silence() -> None:
    buffer = UtteranceBuffer(preroll_samples=100, max_samples=1000)
    numbered(buffer, 1, 101)
    buffer.open()
    buffer.hush_outside(60, 20)
    samples = buffer.samples
    assert samples.size == 100
    assert not samples[:40].any() and not samples[80:].any()
    assert samples[40:80].all()
    buffer.hush_outside(1000, 0)
    assert buffer.samples[40:80].all()


def test_who_goes_on_behind_what_was_taken_for_the_end_is_heard_without_a_gap() -> None:
    buffer = UtteranceBuffer(preroll_samples=100, max_samples=1000)
    numbered(buffer, 1, 101)
    buffer.open()
    assert not buffer.goes_on()
    buffer.hush_outside(60, 20)
    assert buffer.goes_on()
    numbered(buffer, 101, 201)
    assert not buffer.samples[:40].any()
    assert buffer.samples[40:].all()
    assert not buffer.goes_on()


def test_what_is_nobodys_is_silent_but_for_the_last_of_it_if_that_was_somebodys_after_all() -> None:
    buffer = UtteranceBuffer(preroll_samples=100, max_samples=1000, lead_samples=20)

    def mask(start: int, stop: int) -> None:
        for first in range(start, stop, 10):
            buffer.append_masked(np.arange(first, first + 10, dtype=np.float32))

    mask(1, 61)
    assert not buffer.samples.any()
    buffer.open()
    buffer.unmask()
    numbered(buffer, 61, 71)
    mask(71, 101)
    np.testing.assert_array_equal(buffer.samples[40:], [*range(41, 71), *[0] * 30])
    numbered(buffer, 101, 111)
    buffer.unmask()
    np.testing.assert_array_equal(buffer.samples[60:], [*range(61, 71), *[0] * 30, *range(101, 111)])


def test_before_what_is_unmasked_is_the_noise_of_the_room() -> None:
    buffer = UtteranceBuffer(preroll_samples=8000, max_samples=80000, lead_samples=640)
    room = np.random.default_rng(1).normal(0, 0.001, (10, 320)).astype(np.float32)
    for piece in [*room, np.full(320, 0.1, np.float32)]:
        buffer.append_masked(piece)
    buffer.open()
    buffer.unmask()
    before, lead = buffer.samples[:-640], buffer.samples[-640:]
    assert 0.0008 < float(before.std()) < 0.0012
    assert not np.array_equal(before, room[:9].ravel())
    np.testing.assert_array_equal(lead[:320], room[9])


@pytest.mark.parametrize("preroll", [0, 10])
def test_a_preroll_shorter_than_what_was_masked_holds(preroll: int) -> None:
    buffer = UtteranceBuffer(preroll_samples=preroll, max_samples=1000, lead_samples=50)
    for _ in range(5):
        buffer.append_masked(np.ones(10, np.float32))
    buffer.unmask()
    buffer.append(np.ones(10, np.float32))
    assert buffer.samples.size == preroll
    assert buffer.samples.all()
