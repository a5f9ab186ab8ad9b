from __future__ import annotations

import numpy as np

from rtvi_local.pipeline.frames import Clause, Heard, Speech, WordTiming
from rtvi_local.pipeline.playback import Hole, Playback

RATE = 16_000


def ramp(count: int, start: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.arange(start, start + count, dtype=np.int16)


def clause(segment_id: int, text: str, *, speak: bool = True) -> Clause:
    return Clause(segment_id, text, text if speak else "", 1, speak)


def speech(segment_id: int, count: int, words: tuple[WordTiming, ...] = (), *, last: bool = True) -> Speech:
    return Speech(segment_id, ramp(count), RATE, 1, words, last)


def test_samples_come_out_in_order_across_pieces_and_segments() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "one"))
    playback.expect(clause(2, "two"))
    playback.add(Speech(1, ramp(100), RATE, 1))
    playback.add(Speech(1, ramp(50, 101), RATE, 1, last=True))
    playback.add(Speech(2, ramp(70, 151), RATE, 1, last=True))
    taken = [playback.take(60)[0] for _ in range(5)]
    assert [piece.size for piece in taken] == [60, 60, 60, 40, 0]
    assert np.array_equal(np.concatenate(taken), ramp(220))


def test_a_word_counts_as_heard_when_its_last_sample_was_taken() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Hello there"))
    playback.add(speech(1, 100, (WordTiming(5, 40), WordTiming(11, 100))))
    assert playback.take(39)[1] == []
    assert playback.take(1)[1] == [Heard(1, "Hello there", 5, False, 1)]
    assert playback.take(59)[1] == []
    assert playback.take(1)[1] == [Heard(1, "Hello there", 11, True, 1)]


def test_a_segment_is_completed_once_also_when_its_end_is_known_only_later() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Hi"))
    playback.add(speech(1, 40, (WordTiming(2, 40),), last=False))
    assert playback.take(40)[1] == [Heard(1, "Hi", 2, False, 1)]
    assert playback.take(40)[1] == []
    playback.add(Speech(1, ramp(0), RATE, 1, last=True))
    assert playback.take(40)[1] == [Heard(1, "Hi", 2, True, 1)]
    assert playback.take(40)[1] == []


def test_it_is_delivered_when_no_more_clauses_come_and_all_was_taken() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Hi"))
    playback.end()
    assert not playback.delivered
    playback.add(speech(1, 40))
    assert not playback.delivered
    playback.take(100)
    assert playback.delivered


def test_text_that_is_not_spoken_takes_no_time_and_is_not_reported_as_heard() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Read this.", speak=False))
    playback.end()
    samples, heard = playback.take(10)
    assert samples.size == 0
    assert heard == []
    assert playback.delivered


def test_peeking_takes_nothing() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Hi"))
    playback.add(speech(1, 100))
    assert np.array_equal(playback.peek(30), ramp(30))
    assert np.array_equal(playback.take(30)[0], ramp(30))


def test_sound_is_brought_to_the_rate_of_the_output_and_words_with_it() -> None:
    playback = Playback(1, 48_000)
    playback.expect(clause(1, "Hello"))
    tone = (8000 * np.sin(np.arange(22_050) * 2 * np.pi * 440 / 22_050)).astype(np.int16)
    playback.add(Speech(1, tone, 22_050, 1, (WordTiming(5, 11_025),), last=True))
    samples, heard = playback.take(24_000)
    assert samples.size == 24_000
    assert heard == [Heard(1, "Hello", 5, False, 1)]
    assert abs(int(np.abs(samples[2400:]).max()) - 8000) < 200


def test_speech_of_a_clause_that_is_not_expected_is_ignored() -> None:
    playback = Playback(1, RATE)
    playback.add(speech(7, 40))
    assert playback.take(10)[0].size == 0


def test_silence_inside_a_clause_is_a_hole_once_its_sound_goes_on() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "Hello there"))
    playback.take(320)
    playback.add(speech(1, 100, last=False))
    playback.take(320)
    assert playback.hole is None, "what comes before the first sound is no hole"
    playback.take(320)
    playback.add(speech(1, 700))
    playback.take(320)
    assert playback.hole == Hole(220 + 320, in_clause=True)
    playback.take(320)
    assert playback.hole is None


def test_silence_between_two_clauses_is_a_hole_of_another_kind() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "one"))
    playback.add(speech(1, 100, last=False))
    playback.take(160)
    playback.take(160)
    playback.add(Speech(1, ramp(0), RATE, 1, last=True))
    playback.take(160)
    playback.expect(clause(2, "two"))
    playback.add(speech(2, 200))
    playback.take(160)
    assert playback.hole == Hole(60 + 160 + 160, in_clause=False), "whenever it is known that the first had ended"


def test_a_clause_that_follows_in_time_leaves_no_hole_and_neither_does_the_end() -> None:
    playback = Playback(1, RATE)
    playback.expect(clause(1, "one"))
    playback.add(speech(1, 100))
    playback.expect(clause(2, "two"))
    playback.add(speech(2, 100))
    for _ in range(4):
        playback.take(160)
        assert playback.hole is None
    playback.end()
    playback.take(160)
    assert playback.hole is None
