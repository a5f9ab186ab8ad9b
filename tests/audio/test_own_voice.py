from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtvi_local.audio.own_voice import OwnVoice
from rtvi_local.audio.pcm import Float32
from rtvi_local.bench.rooms import echoing
from tests.audio.voices import RATE, babble, later, pcm, room_noise

FRAME = RATE // 50
QUIET_S = 0.5


def answers(own_voice: OwnVoice, sent: Float32, heard: Float32, *, piece: int = FRAME) -> list[bool]:
    """Play and record at the same time; whether each `piece` that was heard was the own voice alone."""
    said: list[bool] = []
    for start in range(0, min(sent.size, heard.size) - piece + 1, piece):
        for frame in range(start, start + piece, FRAME):
            own_voice.sent(pcm(sent[frame : frame + FRAME]))
        said.append(own_voice.explains(pcm(heard[start : start + piece])))
    return said


def wait(own_voice: OwnVoice) -> None:
    """Until nothing can come back any more."""
    answers(own_voice, np.zeros(RATE, np.float32), np.zeros(RATE, np.float32))


def reply(seconds: float = 4.0, seed: int = 1) -> Float32:
    return np.concatenate([np.zeros(int(QUIET_S * RATE), np.float32), babble(seconds, seed)])


def longest_run_of_others(said: list[bool], sounding: Float32) -> int:
    """How many frames in a row with any sound in them were not the own voice's."""
    longest = run = 0
    for index, own in enumerate(said):
        loud = np.abs(sounding[index * FRAME : (index + 1) * FRAME]).max() > 0.003
        run = run + 1 if loud and not own else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("delay_ms", [0, 20, 67, 120, 200, 390])
@pytest.mark.parametrize("gain_db", [-6, -20])
def test_the_own_voice_is_known_from_its_first_sound_on(delay_ms: float, gain_db: float) -> None:
    sent = reply()
    echo = later(echoing(sent, 0.3, 6), delay_ms, gain_db)
    said = answers(OwnVoice(RATE), sent, echo + room_noise(sent.size))
    assert longest_run_of_others(said, echo) <= 2


def test_delay_and_gain_become_known() -> None:
    sent = reply()
    own_voice = OwnVoice(RATE)
    half = int((QUIET_S + 0.5) * RATE)
    answers(own_voice, sent[:half], later(sent, 120, -14)[:half] + room_noise(half))
    assert not own_voice.path.is_known
    answers(own_voice, sent, later(sent, 120, -14) + room_noise(sent.size))
    assert own_voice.path.is_known
    assert own_voice.path.delay_ms == pytest.approx(120, abs=20)
    assert own_voice.path.gain_db == pytest.approx(-14, abs=5)


@pytest.mark.parametrize("at_s", [1.0, 1.7, 2.5])
def test_a_person_as_loud_as_the_echo_is_heard_over_it_within_a_fifth_of_a_second(at_s: float) -> None:
    sent = reply()
    heard = later(echoing(sent, 0.3, 6), 80, -10) + room_noise(sent.size)
    person = babble(1.0, seed=9, level_dbfs=-32)
    begin = int((QUIET_S + at_s) * RATE)
    heard[begin : begin + person.size] += person
    said = answers(OwnVoice(RATE), sent, heard)
    over = said[begin // FRAME : begin // FRAME + 10]
    assert over.count(False) >= 3


@pytest.mark.parametrize("piece", [FRAME, 3 * FRAME])
def test_with_headphones_every_sound_of_a_person_counts(piece: int) -> None:
    sent = reply()
    heard = room_noise(sent.size)
    person = babble(0.5, seed=9, level_dbfs=-35)
    begin = int((QUIET_S + 1.0) * RATE)
    heard[begin : begin + person.size] += person
    said = answers(OwnVoice(RATE), sent, heard, piece=piece)
    loud = [np.sqrt(np.mean(heard[i * piece : (i + 1) * piece] ** 2)) > 0.01 for i in range(len(said))]
    assert sum(loud) * piece > 0.2 * RATE
    at_second_frame = [before and now for before, now in itertools.pairwise([*([True] if piece > FRAME else [False]), *loud])]
    assert not any(own for own, sounds in zip(said, at_second_frame, strict=True) if sounds)


def test_while_nothing_was_sent_nothing_is_the_own_voice_and_nothing_is_computed() -> None:
    own_voice = OwnVoice(RATE)
    person = babble(1.0, seed=3)
    assert not any(answers(own_voice, np.zeros_like(person), person))
    assert not own_voice.may_be_heard


def test_the_tail_after_the_last_word_is_the_own_voice_too() -> None:
    sent = np.concatenate([reply(2.0), np.zeros(RATE, np.float32)])
    echo = later(echoing(sent, 0.5, 0), 200, -6)
    said = answers(OwnVoice(RATE), sent, echo + room_noise(sent.size))
    assert longest_run_of_others(said, echo) <= 2


def test_so_it_is_where_the_silence_behind_it_is_sent_ten_frames_at_a_time() -> None:
    sent = reply(2.0)
    silence = np.zeros(RATE, np.float32)
    echo = later(echoing(np.concatenate([sent, silence]), 0.5, 0), 200, -6)
    heard = echo + room_noise(echo.size)
    own_voice = OwnVoice(RATE)
    behind = sent.size + FRAME
    answers(own_voice, np.concatenate([sent, silence[:FRAME]]), heard)
    said = []
    for number, start in enumerate(range(behind, heard.size - FRAME + 1, FRAME), 1):
        said.append(own_voice.explains(pcm(heard[start : start + FRAME])))
        for _ in range(10 if number % 10 == 0 else 0):
            own_voice.sent(pcm(silence[:FRAME]))
    assert longest_run_of_others(said, echo[behind:]) == 0


@pytest.mark.parametrize("stalled_ms", [100, 240, 400])
def test_what_a_stalled_network_delivers_late_and_all_at_once_is_the_own_voice_too(stalled_ms: int) -> None:
    sent = reply()
    echo = later(echoing(sent, 0.3, 6), 120, -10)
    heard = echo + room_noise(sent.size)
    own_voice = OwnVoice(RATE)
    stalls, goes_on = 2 * RATE, 2 * RATE + stalled_ms * RATE // 1000
    said = answers(own_voice, sent[:stalls], heard[:stalls])
    for start in range(stalls, goes_on, FRAME):
        own_voice.sent(pcm(sent[start : start + FRAME]))
    said += [own_voice.explains(pcm(heard[start : start + FRAME])) for start in range(stalls, goes_on, FRAME)]
    said += answers(own_voice, sent[goes_on:], heard[goes_on:])
    assert longest_run_of_others(said, echo) <= 2


def test_frames_that_a_client_left_out_are_not_waited_for() -> None:
    sent = reply()
    echo = later(echoing(sent, 0.3, 6), 120, -10)
    heard = echo + room_noise(sent.size)
    own_voice = OwnVoice(RATE)
    pauses, goes_on = 2 * RATE, 2 * RATE + RATE * 3 // 10
    said = answers(own_voice, sent[:pauses], heard[:pauses])
    for start in range(pauses, goes_on, FRAME):
        own_voice.sent(pcm(sent[start : start + FRAME]))
    said += answers(own_voice, sent[goes_on:], heard[goes_on:])
    assert longest_run_of_others(said, np.concatenate([echo[:pauses], echo[goes_on:]])) <= 5


def test_a_clock_that_drifts_and_pieces_that_come_in_bursts_change_nothing() -> None:
    sent = reply(8.0)
    echo = later(echoing(sent, 0.3, 6), 100, -10)
    drifting = np.interp(np.arange(sent.size) * 1.0003, np.arange(sent.size), echo).astype(np.float32)
    said = answers(OwnVoice(RATE), sent, drifting + room_noise(sent.size))
    assert longest_run_of_others(said, echo) <= 2
    bursts = answers(OwnVoice(RATE), sent, echo + room_noise(sent.size), piece=5 * FRAME)
    assert bursts.count(False) <= 0.1 * len(bursts)


@pytest.mark.parametrize("more", [3, 6])
def test_how_much_more_was_sent_than_heard_before_a_reply_is_not_taken_for_lateness(more: int) -> None:
    own_voice = OwnVoice(RATE)
    for _ in range(2):
        for _ in range(more):
            own_voice.sent(pcm(np.zeros(FRAME, np.float32)))
        sent = np.concatenate([reply(2.0), np.zeros(RATE, np.float32)])
        echo = later(echoing(sent, 0.3, 6), 40, -10)
        said = answers(own_voice, sent, echo + room_noise(sent.size))
        assert longest_run_of_others(said, echo) <= 2


def test_an_echo_that_comes_sooner_after_a_pause_is_the_own_voice() -> None:
    parts = [np.concatenate([babble(2.0, seed), np.zeros(RATE // 5, np.float32)]) for seed in range(1, 6)]
    sent = np.concatenate([np.zeros(int(QUIET_S * RATE), np.float32), *parts])
    echo = later(echoing(sent, 0.3, 6), 120, -10)
    sooner = later(echoing(sent, 0.3, 6), 80, -10)
    second = int(QUIET_S * RATE) + parts[0].size
    heard = np.concatenate([echo[:second], sooner[second:]])
    said = answers(OwnVoice(RATE), sent, heard + room_noise(sent.size))
    assert longest_run_of_others(said, heard) == 0


def test_a_microphone_that_is_off_teaches_nothing_of_the_room() -> None:
    own_voice = OwnVoice(RATE)
    sent = reply()
    answers(own_voice, sent, np.zeros_like(sent))
    wait(own_voice)
    echo = later(echoing(sent, 0.3, 6), 120, -6)
    assert longest_run_of_others(answers(own_voice, sent, echo + room_noise(sent.size)), echo) <= 2


def test_over_a_line_that_is_silent_where_nobody_speaks_every_sound_of_a_person_counts() -> None:
    sent = reply()
    heard = np.zeros_like(sent)
    person = babble(1.0, seed=9, level_dbfs=-35)
    begin = int((QUIET_S + 1.0) * RATE)
    heard[begin : begin + person.size] = person
    said = answers(OwnVoice(RATE, silence_is_quiet=True), sent, heard)
    loud = [float(np.sqrt(np.mean(heard[i * FRAME : (i + 1) * FRAME] ** 2))) > 0.01 for i in range(len(said))]
    at_second_frame = [before and now for before, now in itertools.pairwise([False, *loud])]
    assert sum(at_second_frame) > 12
    assert not any(own for own, sounds in zip(said, at_second_frame, strict=True) if sounds)


def test_an_echo_on_such_a_line_is_the_own_voice_all_the_same() -> None:
    sent = reply()
    echo = later(echoing(sent, 0.3, 6), 120, -10)
    echo[np.abs(echo) < 0.003] = 0
    said = answers(OwnVoice(RATE, silence_is_quiet=True), sent, echo)
    assert longest_run_of_others(said, echo) <= 2


def test_what_was_known_of_the_way_can_be_forgotten() -> None:
    own_voice = OwnVoice(RATE)
    sent = reply()
    answers(own_voice, sent, room_noise(sent.size))
    wait(own_voice)
    assert own_voice.path.gain_db < -35
    own_voice.path.forget()
    echo = later(echoing(sent, 0.3, 6), 120, -6)
    assert longest_run_of_others(answers(own_voice, sent, echo + room_noise(sent.size)), echo) <= 2


def test_who_spoke_over_the_first_sounds_is_looked_for_longer_where_nothing_comes_back() -> None:
    sent = reply()[: int((QUIET_S + 1.7) * RATE)]
    beside_a_loudspeaker, with_headphones = OwnVoice(RATE), OwnVoice(RATE)
    answers(beside_a_loudspeaker, sent, later(echoing(sent, 0.3, 6), 80, -10) + room_noise(sent.size))
    answers(with_headphones, sent, room_noise(sent.size))
    assert beside_a_loudspeaker.path.is_settled
    assert with_headphones.path.is_known
    assert not with_headphones.path.is_settled
    answers(with_headphones, reply(2.0), room_noise(reply(2.0).size))
    assert with_headphones.path.is_settled
