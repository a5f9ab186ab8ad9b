from __future__ import annotations

import numpy as np

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
