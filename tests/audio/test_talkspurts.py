from __future__ import annotations

import numpy as np

from rtvi_local.audio.talkspurts import Talkspurts

SPEECH = np.full(160, 1000, np.int16)
SILENCE = np.zeros(160, np.int16)


def test_silence_before_the_first_word_is_not_sent_and_speech_begins_with_the_clients_buffer() -> None:
    spurts = Talkspurts(8_000, lead_ms=60)
    assert [spurts.push(SILENCE) for _ in range(3)] == [None] * 3
    first = spurts.push(SPEECH)
    assert first is not None
    assert first.size == 480 + 160
    assert not first[:480].any()
    assert spurts.push(SPEECH) is SPEECH


def test_a_short_pause_belongs_to_the_speech_and_a_long_one_lets_the_buffer_run_empty() -> None:
    spurts = Talkspurts(8_000, lead_ms=60, hangover_ms=100)
    spurts.push(SPEECH)
    assert [spurts.push(SILENCE) is not None for _ in range(4)] == [True] * 4
    assert spurts.push(SPEECH) is SPEECH
    assert [spurts.push(SILENCE) is not None for _ in range(7)] == [True] * 5 + [False] * 2
    again = spurts.push(SPEECH)
    assert again is not None
    assert again.size == 480 + 160
