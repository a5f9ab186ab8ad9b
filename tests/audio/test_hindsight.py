"""Short words over the first half second of the first reply, in the default voice, beside a loudspeaker and without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtvi_local.audio.own_voice import OwnVoice
from rtvi_local.audio.pcm import Float32, onset
from rtvi_local.bench.rooms import echoing
from rtvi_local.bench.turns.sounds import at_level
from rtvi_local.bench.utterances import speak
from tests.audio.voices import RATE, later, pcm, room_noise

FRAME = RATE // 50
REPLY_S = 0.5
"""When the reply begins."""


@pytest.fixture(scope="module")
def word(models_directory: Path) -> Float32:
    """Another voice than the reply's: the same one, higher."""
    said = speak(models_directory / "piper-en_US-joe-medium", "Thank you.", varied=False)
    higher = np.interp(np.arange(0, said.size, 1.16), np.arange(said.size), said).astype(np.float32)
    return at_level(higher[onset(pcm(higher)) :], -30)


@pytest.fixture(scope="module")
def reply(speech: Float32) -> Float32:
    begins = onset(pcm(speech))
    return np.concatenate([np.zeros(int(REPLY_S * RATE), np.float32), speech[begins : begins + 3 * RATE]])


def found(sent: Float32, heard: Float32) -> list[tuple[int, set[int]]]:
    """What was known of others after each frame: (its number, the numbers of theirs)."""
    own_voice = OwnVoice(RATE)
    known = []
    for number in range(sent.size // FRAME):
        piece = slice(number * FRAME, (number + 1) * FRAME)
        own_voice.sent(pcm(sent[piece]))
        own_voice.explains(pcm(heard[piece]))
        known.append((number, {number - ago for ago in own_voice.others()}))
    return known


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.3])
def test_a_word_that_is_over_before_the_way_is_known_is_found(reply: Float32, word: Float32, after_s: float) -> None:
    heard = room_noise(reply.size)
    begin = int((REPLY_S + after_s) * RATE)
    heard[begin : begin + word.size] += word
    frames = [np.sqrt(np.mean(heard[i * FRAME : (i + 1) * FRAME] ** 2)) for i in range(heard.size // FRAME)]
    loud = {number for number, level in enumerate(frames) if level > 0.01}
    assert len(loud) > 10
    known = found(reply, heard)
    assert any(len(theirs & loud) >= 0.7 * len(loud) for _, theirs in known)
    assert all(theirs <= set(range(begin // FRAME - 1, (begin + word.size) // FRAME + 2)) for _, theirs in known)
    first = next(number for number, theirs in known if len(theirs) > 5)
    assert first < (begin + word.size) // FRAME + 20


@pytest.mark.parametrize("delay_ms", [20, 67, 120, 200])
@pytest.mark.parametrize("gain_db", [-30, -20, -10, -6])
def test_an_echo_is_nobody_in_hindsight_either(reply: Float32, delay_ms: float, gain_db: float) -> None:
    echo = later(echoing(reply, 0.3, 6), delay_ms, gain_db)
    most = max(len(theirs) for _, theirs in found(reply, echo + room_noise(reply.size)))
    assert most <= 2


def test_a_word_louder_than_the_echo_is_found_beside_it(reply: Float32, word: Float32) -> None:
    heard = later(echoing(reply, 0.3, 6), 80, -30) + room_noise(reply.size)
    begin = int((REPLY_S + 0.2) * RATE)
    heard[begin : begin + word.size] += 2 * word
    within = set(range(begin // FRAME, (begin + word.size) // FRAME + 1))
    assert any(len(theirs & within) >= 8 and len(theirs - within) <= 2 for _, theirs in found(reply, heard))
