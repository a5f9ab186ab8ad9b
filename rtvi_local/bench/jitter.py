"""How late speech becomes audible to the server: `python -m rtvi_local.bench.jitter` compares aiortc's jitter buffer with ours.

A simulation without a network: both buffers are given the same packets at the same times, and for each 20 ms of speech the time
from its arrival to its hand-over is taken. Below it, what the listener gets: the same packets with a voice in them, through the
decoder, with what was lost made up for.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from aiortc.jitterbuffer import JitterBuffer as AiortcBuffer
from aiortc.rtp import RtpPacket

from rtvi_local import virtual_clock
from rtvi_local.audio.jitter import JitterBuffer, Packet
from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusEncoder
from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.webrtc_audio import LISTENING_SAMPLE_RATE, InboundAudio

PACKET_MS = 20.0
PACKET_SAMPLES = 960
_HEARD_SAMPLES = LISTENING_SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True)
class Arrival:
    index: int
    """Its sequence number."""
    at_ms: float
    frame: int | None = None
    """Which 20 ms since the beginning it holds, where the sender left some out (discontinuous transmission)."""

    @property
    def timestamp(self) -> int:
        return (self.index if self.frame is None else self.frame) * PACKET_SAMPLES


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
        arrived.setdefault(arrival.timestamp, arrival.at_ms)
        packet = RtpPacket(sequence_number=arrival.index % 65536, timestamp=arrival.timestamp)
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            delays.append(arrival.at_ms - arrived[frame.timestamp])
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
        arrived.setdefault(arrival.index, arrival.at_ms)
        payload = str(arrival.index).encode()
        added = buffer.add(arrival.index % 65536, arrival.timestamp, payload, PACKET_SAMPLES, arrival.at_ms)
        take([*added], arrival.at_ms)
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


def _bad(lost: float, jitter_ms: tuple[float, float]) -> Callable[[], list[Arrival]]:
    """Packets lost at random, 1 % doubled, each late by another time."""

    def arrivals() -> list[Arrival]:
        chance = random.Random(3)
        sent = [arrival for arrival in _steady() if chance.random() >= lost]
        sent += [arrival for arrival in sent if chance.random() < 0.01]
        late = [replace(arrival, at_ms=arrival.at_ms + chance.uniform(*jitter_ms)) for arrival in sent]
        return sorted(late, key=lambda arrival: arrival.at_ms)

    return arrivals


def _drift() -> list[Arrival]:
    # Ten minutes, in which the sender's sound card gets 60 ms ahead of our clock.
    return [replace(arrival, at_ms=arrival.at_ms / 1.0001) for arrival in _steady(30_000)]


def _discontinuous() -> list[Arrival]:
    # Half a second of speech, half a second of nothing.
    spoken = [frame for frame in range(3000) if frame // 25 % 2 == 0]
    return [Arrival(index, frame * PACKET_MS, frame) for index, frame in enumerate(spoken)]


CASES: dict[str, Callable[[], list[Arrival]]] = {
    "no loss": lambda: list(_steady()),
    "one packet lost": _one_lost,
    "1.2 % lost at random": _random_loss,
    "jitter 0-35 ms, reordered": _jitter,
    "stalls of 150 ms": _stalls,
    "jitter 20-60 ms, 1 % lost": _bad(0.01, (20, 60)),
    "jitter 20-60 ms, 5 % lost": _bad(0.05, (20, 60)),
    "clock 100 ppm fast, 10 min": _drift,
    "discontinuous": _discontinuous,
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


@dataclass(frozen=True, slots=True)
class HeardOf:
    """What a listener gets of a voice."""

    sent_s: float
    heard_s: float
    lost_percent: float
    lost_db: float | None
    """Level of what stands for the lost 20 ms, against what was said there; the median. None where nothing was lost."""


def heard_of(arrivals: list[Arrival]) -> HeardOf:
    """A tone of a voice's pitch, swelling four times a second, through `InboundAudio`."""
    frames = 1 + max(arrival.timestamp for arrival in arrivals) // PACKET_SAMPLES
    at = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    voice = (np.sin(2 * np.pi * 150 * at) * (1.2 + np.sin(2 * np.pi * 4 * at)) * 8000).astype(np.int16)
    encoder = OpusEncoder()
    packets = [encoder.encode(frame) for frame in voice.reshape(-1, FRAME_SAMPLES)]
    whole = virtual_clock.run(_listen([Arrival(i, i * PACKET_MS) for i in range(frames)], packets))
    heard = virtual_clock.run(_listen(arrivals, packets))
    # Only where next to nothing was put in or left out do the samples of both lie beside each other.
    spoken = {arrival.timestamp // PACKET_SAMPLES for arrival in arrivals}
    missing = [frame for frame in range(1, frames - 1) if frame not in spoken]
    levels = (
        [_level(heard, frame) - _level(whole, frame) for frame in missing]
        if abs(heard.size - whole.size) <= 2 * _HEARD_SAMPLES
        else []
    )
    return HeardOf(
        whole.size / LISTENING_SAMPLE_RATE,
        heard.size / LISTENING_SAMPLE_RATE,
        100 * len(missing) / frames,
        statistics.median(levels) if levels else None,
    )


async def _listen(arrivals: list[Arrival], packets: list[bytes]) -> Int16:
    loop = asyncio.get_running_loop()
    heard: list[Int16] = []
    inbound = InboundAudio(lambda samples, _: heard.append(samples), loop)
    for arrival in arrivals:
        await asyncio.sleep(max(0.0, arrival.at_ms / 1000 - loop.time()))
        payload = packets[arrival.timestamp // PACKET_SAMPLES]
        inbound.on_rtp(1, arrival.index % 65536, arrival.timestamp, payload, loop.time() * 1000)
    await asyncio.sleep(0.1)
    inbound.close()
    return np.concatenate(heard)


def _level(samples: Int16, frame: int) -> float:
    piece = samples[frame * _HEARD_SAMPLES : (frame + 1) * _HEARD_SAMPLES].astype(np.float64)
    return 10 * float(np.log10(max(1.0, float(np.mean(piece**2)))))


def heard_table() -> list[str]:
    """Of the first 3000 packets."""
    lines = [f"{'':27}{'sent':>10}{'heard':>10}{'not sent, or lost':>20}{'in its place':>15}"]
    for name, arrivals in CASES.items():
        heard = heard_of(arrivals()[:3000])
        level = "" if heard.lost_db is None else f"{heard.lost_db:+.1f} dB"
        lines.append(f"{name:27}{heard.sent_s:8.2f} s{heard.heard_s:8.2f} s{heard.lost_percent:18.1f} %{level:>15}")
    return lines


if __name__ == "__main__":
    print("\n".join([*table(), "", *heard_table()]))  # noqa: T201
