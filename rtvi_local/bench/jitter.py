"""How late speech becomes audible to the server: `python -m rtvi_local.bench.jitter` compares aiortc's jitter buffer with ours.

A simulation without a network: both buffers are given the same packets at the same times, and for each 20 ms of speech the time
from its arrival to its hand-over is taken.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiortc.jitterbuffer import JitterBuffer as AiortcBuffer
from aiortc.rtp import RtpPacket

from rtvi_local.audio.jitter import JitterBuffer, Packet

PACKET_MS = 20.0
PACKET_SAMPLES = 960


@dataclass(frozen=True, slots=True)
class Arrival:
    index: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    median_ms: float
    last_ms: float
    """Delay at the end of the connection."""
    longest_ms: float
    discarded: int
    """Packets that arrived and were not handed on."""


def aiortc_delays(arrivals: list[Arrival]) -> Result:
    """Its buffer as its receiver sets it up for audio."""
    buffer = AiortcBuffer(capacity=16, prefetch=4)
    arrived: dict[int, float] = {}
    delays: list[float] = []
    for arrival in arrivals:
        arrived[arrival.index] = arrival.at_ms
        packet = RtpPacket(sequence_number=arrival.index % 65536, timestamp=arrival.index * PACKET_SAMPLES)
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            delays.append(arrival.at_ms - arrived[frame.timestamp // PACKET_SAMPLES])
    still_waiting = sum(1 for packet in buffer._packets if packet is not None)
    return _result(delays, len(arrived) - still_waiting)


def our_delays(arrivals: list[Arrival]) -> Result:
    """Ours, with a timer that is exact."""
    buffer = JitterBuffer()
    arrived: dict[int, float] = {}
    delays: list[float] = []

    def take(pieces: list[object], now_ms: float) -> None:
        delays.extend(now_ms - arrived[int(piece.payload)] for piece in pieces if isinstance(piece, Packet))

    for arrival in arrivals:
        while (deadline_ms := buffer.deadline_ms) is not None and deadline_ms <= arrival.at_ms:
            take([*buffer.expire(deadline_ms)], deadline_ms)
        arrived[arrival.index] = arrival.at_ms
        payload = str(arrival.index).encode()
        sequence_number, timestamp = arrival.index % 65536, arrival.index * PACKET_SAMPLES
        take([*buffer.add(sequence_number, timestamp, payload, PACKET_SAMPLES, arrival.at_ms)], arrival.at_ms)
    return _result(delays, len(arrived) - len(buffer._held))


def _result(delays: list[float], expected: int) -> Result:
    return Result(statistics.median(delays), delays[-1], max(delays), expected - len(delays))


def _steady(count: int = 3000) -> Iterator[Arrival]:
    return (Arrival(index, index * PACKET_MS) for index in range(count))


def _one_lost() -> list[Arrival]:
    return [arrival for arrival in _steady() if arrival.index != 500]


def _random_loss() -> list[Arrival]:
    chance = random.Random(1)
    return [arrival for arrival in _steady() if chance.random() >= 0.012]


def _jitter() -> list[Arrival]:
    chance = random.Random(2)
    return sorted((Arrival(a.index, a.at_ms + chance.uniform(0, 35)) for a in _steady()), key=lambda arrival: arrival.at_ms)


def _stalls() -> list[Arrival]:
    # Every 4 s the Wi-Fi is busy for 150 ms, and then delivers at once.
    return [Arrival(a.index, a.at_ms + max(0.0, 150 - a.at_ms % 4000)) for a in _steady()]


CASES: dict[str, Callable[[], list[Arrival]]] = {
    "no loss": lambda: list(_steady()),
    "one packet lost": _one_lost,
    "1.2 % lost at random": _random_loss,
    "jitter 0-35 ms, reordered": _jitter,
    "stalls of 150 ms": _stalls,
}


def table() -> list[str]:
    """Lines of the comparison."""
    lines = [f"{'':27}{'aiortc: median':>16}{'at end':>8}{'longest':>9}{'discarded':>11}"]
    lines[0] += f"{'ours: median':>16}{'at end':>8}{'longest':>9}{'discarded':>11}"
    for name, arrivals in CASES.items():
        line = f"{name:27}"
        for result, width in ((aiortc_delays(arrivals()), 13), (our_delays(arrivals()), 13)):
            line += f"{result.median_ms:{width}.0f} ms{result.last_ms:5.0f} ms{result.longest_ms:6.0f} ms{result.discarded:11}"
        lines.append(line)
    return lines


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201
