from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.audio.jitter import Gap, JitterBuffer, Lost, Packet, Piece

SAMPLES = 960


class Stream:
    """Sends packet `n` with the numbers that a real sender would give it."""

    def __init__(self, first_sequence_number: int = 0, first_timestamp: int = 0) -> None:
        self.buffer = JitterBuffer()
        self._sequence_number = first_sequence_number
        self._timestamp = first_timestamp
        self.pieces: list[Piece] = []

    def arrive(self, *indices: int, at_ms: float = 0.0, skipped: int = 0) -> list[Piece]:
        pieces: list[Piece] = []
        for n in indices:
            pieces += self.buffer.add(
                (self._sequence_number + n) % 65536,
                (self._timestamp + n * SAMPLES + skipped) % 2**32,
                str(n).encode(),
                SAMPLES,
                at_ms,
            )
        self.pieces += pieces
        return pieces

    def expire(self, at_ms: float) -> list[Piece]:
        pieces = self.buffer.expire(at_ms)
        self.pieces += pieces
        return pieces


def packets(*indices: int) -> list[Piece]:
    return [Packet(str(n).encode(), SAMPLES) for n in indices]


def test_what_is_in_order_is_handed_on_at_once() -> None:
    stream = Stream()
    for n in range(5):
        assert stream.arrive(n, at_ms=n * 20) == packets(n)
        assert stream.buffer.deadline_ms is None


def test_a_burst_after_a_stall_is_handed_on_at_once() -> None:
    stream = Stream()
    stream.arrive(0)
    assert stream.arrive(1, 2, 3, 4, at_ms=500) == packets(1, 2, 3, 4)


def test_swapped_packets_are_put_in_order() -> None:
    stream = Stream()
    assert stream.arrive(0, 2) == packets(0)
    assert stream.arrive(1, at_ms=5) == packets(1, 2)
    assert stream.buffer.statistics.reordered == 1
    assert stream.buffer.statistics.lost == 0


def test_a_lost_packet_is_waited_for_and_then_given_up() -> None:
    stream = Stream()
    stream.arrive(0)
    assert stream.arrive(2, at_ms=40) == []
    deadline_ms = stream.buffer.deadline_ms
    assert deadline_ms == 60
    assert stream.expire(59.9) == []
    assert stream.expire(deadline_ms) == [Lost(SAMPLES), *packets(2)]
    assert stream.buffer.deadline_ms is None


def test_after_a_loss_nothing_is_delayed() -> None:
    stream = Stream()
    stream.arrive(0)
    stream.arrive(2, at_ms=40)
    stream.arrive(3, at_ms=60)
    assert stream.arrive(4, at_ms=80) == packets(4)


def test_several_lost_packets_are_one_hole() -> None:
    stream = Stream()
    stream.arrive(0)
    stream.arrive(4, at_ms=80)
    assert stream.expire(200) == [Lost(3 * SAMPLES), *packets(4)]
    assert stream.buffer.statistics.lost == 3


def test_a_packet_that_comes_too_late_is_dropped_and_makes_the_buffer_more_patient() -> None:
    stream = Stream()
    stream.arrive(0)
    stream.arrive(2, at_ms=40)
    stream.expire(60)
    assert stream.arrive(1, at_ms=85) == []
    assert stream.buffer.statistics.late == 1
    assert stream.buffer.wait_ms == 50
    stream.arrive(4, at_ms=100)
    assert stream.arrive(3, at_ms=145) == packets(3, 4)


def test_patience_wears_off() -> None:
    stream = Stream()
    stream.buffer.wait_ms = 80
    stream.arrive(*range(20_000))
    assert stream.buffer.wait_ms == 10


def test_patience_has_an_end() -> None:
    stream = Stream()
    stream.arrive(0)
    stream.arrive(2, at_ms=40)
    stream.expire(60)
    stream.arrive(1, at_ms=1000)
    assert stream.buffer.wait_ms == 80


def test_a_duplicate_is_dropped() -> None:
    stream = Stream()
    stream.arrive(0, 1)
    assert stream.arrive(1) == []
    assert stream.arrive(3, 3) == []
    assert stream.buffer.statistics.duplicate == 2
    assert stream.buffer.statistics.late == 0


def test_sequence_numbers_and_timestamps_wrap() -> None:
    stream = Stream(first_sequence_number=65_534, first_timestamp=2**32 - 960)
    assert stream.arrive(0, 1, 2, 3, 4) == packets(0, 1, 2, 3, 4)


def test_a_loss_across_the_wrap_has_the_right_length() -> None:
    stream = Stream(first_sequence_number=65_534, first_timestamp=2**32 - 960)
    stream.arrive(0)
    stream.arrive(3, at_ms=60)
    assert stream.expire(100) == [Lost(2 * SAMPLES), *packets(3)]


def test_discontinuous_transmission_is_a_gap_and_no_loss() -> None:
    stream = Stream()
    stream.arrive(0)
    assert stream.arrive(1, at_ms=400, skipped=18_240) == [Gap(18_240), *packets(1)]
    assert stream.buffer.statistics.lost == 0


def test_a_sender_that_begins_anew_is_followed() -> None:
    stream = Stream()
    stream.arrive(0, 1)
    assert stream.arrive(30_000, at_ms=100) == packets(30_000)
    assert stream.arrive(30_001, at_ms=120) == packets(30_001)
    assert stream.arrive(7, at_ms=140) == packets(7)


def test_what_waits_is_not_lost_when_the_sender_begins_anew() -> None:
    stream = Stream()
    stream.arrive(0, 2)
    assert stream.arrive(30_000) == [Lost(SAMPLES), *packets(2, 30_000)]


def test_no_more_than_its_capacity_waits() -> None:
    stream = Stream()
    stream.arrive(0)
    assert stream.arrive(*range(2, 33)) == []
    assert stream.arrive(33) == [Lost(SAMPLES), *packets(*range(2, 34))]


@given(st.integers(0, 2**32), st.integers(0, 65_535), st.integers(0, 2**32 - 1))
def test_whatever_the_network_does_packets_leave_in_order_and_once(seed: int, first: int, timestamp: int) -> None:
    chance = random.Random(seed)
    arrivals = sorted(
        (n * 20 + chance.expovariate(1 / 15), n)
        for n in range(150)
        if chance.random() > 0.05
        for _ in range(chance.choice((1, 1, 2)))
    )
    stream = Stream(first, timestamp)
    for at_ms, n in arrivals:
        while (deadline_ms := stream.buffer.deadline_ms) is not None and deadline_ms <= at_ms:
            stream.expire(deadline_ms)
        stream.arrive(n, at_ms=at_ms)
    # Each hole at the end has a time of its own.
    while (deadline_ms := stream.buffer.deadline_ms) is not None:
        stream.expire(deadline_ms)
    out = [int(piece.payload) for piece in stream.pieces if isinstance(piece, Packet)]
    assert out == sorted(set(out))
    begun = arrivals[0][1]
    duration = sum(piece.samples for piece in stream.pieces)
    assert duration == (max(n for _, n in arrivals) - begun + 1) * SAMPLES
    statistics = stream.buffer.statistics
    assert statistics.received == len(out) + statistics.late + statistics.duplicate


def test_pieces_say_when_they_arrived_not_when_they_were_handed_on() -> None:
    stream = Stream()
    stream.arrive(0)
    stream.arrive(2, at_ms=40)
    pieces = stream.expire(stream.buffer.deadline_ms or 0)
    assert [type(piece) for piece in pieces] == [Lost, Packet]
    assert [piece.arrived_ms for piece in pieces] == [40, 40]
