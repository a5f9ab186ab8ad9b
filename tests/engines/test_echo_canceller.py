from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from rtvi_local.audio.pcm import Float32, Int16, level_dbfs, to_float
from rtvi_local.bench.rooms import echoing
from rtvi_local.engines.echo_canceller import Aec3, open_echo_canceller
from rtvi_local.engines.interfaces import EngineError
from tests.audio.voices import RATE, babble, later, pcm, room_noise

FRAME = RATE // 50


def through(canceller: Aec3, sent: Float32, heard: Float32) -> Float32:
    cleaned: list[Int16] = []
    for start in range(0, sent.size - FRAME + 1, FRAME):
        canceller.sent(pcm(sent[start : start + FRAME]))
        cleaned.append(canceller.cleaned(pcm(heard[start : start + FRAME])))
    return to_float(np.concatenate(cleaned))


@pytest.mark.parametrize("delay_ms", [20, 120, 300])
def test_the_echo_of_what_was_sent_is_taken_out(delay_ms: float) -> None:
    sent = babble(5.0, seed=1)
    echo = later(echoing(sent, 0.3, 6), delay_ms, -6) + room_noise(sent.size)
    left = through(open_echo_canceller(RATE), sent, echo)
    settled = slice(2 * RATE, None)
    assert level_dbfs(left[settled]) < level_dbfs(echo[settled]) - 20


def test_a_person_over_the_echo_is_left() -> None:
    sent = babble(5.0, seed=1)
    person = np.zeros_like(sent)
    person[3 * RATE : 4 * RATE] = babble(1.0, seed=7, level_dbfs=-26)
    heard = later(echoing(sent, 0.3, 6), 120, -10) + room_noise(sent.size) + person
    left = through(open_echo_canceller(RATE), sent, heard)
    assert level_dbfs(left[3 * RATE : 4 * RATE]) > -36


def test_nothing_of_a_person_is_lost_while_nothing_is_sent() -> None:
    person = babble(2.0, seed=7, level_dbfs=-26)
    left = through(open_echo_canceller(RATE), np.zeros_like(person), person)
    assert level_dbfs(left[RATE:]) == pytest.approx(level_dbfs(person[RATE:]), abs=1.5)


class Noted:
    """A library that notes what it is given."""

    def __init__(self) -> None:
        self.near: list[Int16] = []
        self.far: list[Int16] = []

    def process(self, near: Int16, far: Int16) -> Int16:
        self.near.append(near)
        self.far.append(far)
        return near


def test_after_what_was_sent_came_too_late_once_it_is_there_in_time() -> None:
    library = Noted()
    canceller = Aec3(library, RATE)
    ramp = np.arange(1, 5 * FRAME + 1, dtype=np.int16)
    canceller.cleaned(np.zeros(FRAME, np.int16))
    for start in range(0, ramp.size, FRAME):
        canceller.sent(ramp[start : start + FRAME])
        canceller.cleaned(np.zeros(FRAME, np.int16))
    far = np.concatenate(library.far)
    assert not far[:FRAME].any()
    assert far[FRAME:].tolist() == ramp.tolist()


def test_a_pause_of_the_microphone_leaves_no_backlog() -> None:
    library = Noted()
    canceller = Aec3(library, RATE)
    for number in range(100):
        canceller.sent(np.full(FRAME, number, np.int16))
    canceller.cleaned(np.zeros(FRAME, np.int16))
    assert library.far[0][0] >= 90


def test_pieces_of_any_length_come_out_in_tens_of_milliseconds_and_whole() -> None:
    canceller = Aec3(Noted(), RATE)
    heard = np.arange(1, 3001, dtype=np.int16)
    pieces = [canceller.cleaned(heard[start : start + 250]) for start in range(0, 3000, 250)]
    assert all(piece.size % 160 == 0 for piece in pieces)
    whole = np.concatenate(pieces)
    assert whole.tolist() == heard[: whole.size].tolist()
    assert heard.size - whole.size < 160


def test_without_the_library_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any, **keywords: Any) -> Any:
        if name == "pywebrtc_audio":
            raise ImportError("No module named 'pywebrtc_audio'")
        return real(name, *more, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EngineError, match=r"pip install --editable '\.\[echo\]'"):
        open_echo_canceller(RATE)
