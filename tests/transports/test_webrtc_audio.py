from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from aiortc import RTCPeerConnection

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusDecoder, OpusEncoder
from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.webrtc_audio import InboundAudio, OutboundAudio, PacketTrack, RtpTap, tap


class VirtualClock:
    """An event loop's clock, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._timers: list[tuple[float, int, list[Callable[[], object]]]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        box = [callback]
        heapq.heappush(self._timers, (self.now_s + delay, next(self._order), box))

        class Handle:
            def cancel(self) -> None:
                box.clear()

        return cast(asyncio.TimerHandle, Handle())

    def advance_ms(self, ms: float) -> None:
        end_s = self.now_s + ms / 1000
        while self._timers and self._timers[0][0] <= end_s:
            self.now_s, _, box = heapq.heappop(self._timers)
            for callback in box:
                callback()
        self.now_s = end_s


class Microphone:
    """A client's sender, and what InboundAudio makes of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.heard: list[tuple[Int16, float]] = []
        self.may_rest = self.may_lag = False
        self.inbound = InboundAudio(
            lambda samples, at_ms: self.heard.append((samples, at_ms)),
            self.clock,
            lambda: self.may_rest,
            lambda: self.may_lag,
        )
        self._encoder = OpusEncoder()
        self.sent = 0

    def send(self, frames: int = 1, *, lose: bool = False, ssrc: int = 1, level: int = 8000) -> None:
        for _ in range(frames):
            packet = self.encoded(level)
            if not lose:
                self.receive(self.sent, packet, ssrc=ssrc)
            self.sent += 1
            self.clock.advance_ms(20)

    def encoded(self, level: int) -> bytes:
        """A tone's next 20 ms."""
        at = np.arange(FRAME_SAMPLES) + self.sent * FRAME_SAMPLES
        return self._encoder.encode((level * np.sin(2 * np.pi * 300 * at / SAMPLE_RATE)).astype(np.int16))

    def receive(self, number: int, packet: bytes, *, ssrc: int = 1, frame: int | None = None) -> None:
        at = (number if frame is None else frame) * FRAME_SAMPLES
        self.inbound.on_rtp(ssrc, number % 65536, at, packet, self.clock.time() * 1000)

    @property
    def samples(self) -> Int16:
        return np.concatenate([samples for samples, _ in self.heard]) if self.heard else np.zeros(0, np.int16)

    def loudness(self, last_ms: int) -> float:
        return float(np.sqrt(np.mean(self.samples[-16 * last_ms :].astype(float) ** 2)))


def test_it_rests_after_3_s_of_quiet_unless_something_is_played() -> None:
    microphone = Microphone()
    microphone.may_rest = True
    microphone.send(10)
    microphone.send(149, level=100)
    assert not microphone.inbound.rests
    microphone.send(5, level=100)
    assert microphone.inbound.rests
    microphone.may_rest = False
    assert not microphone.inbound.rests


def test_a_sound_ends_the_rest_and_so_does_a_packet_that_is_missing() -> None:
    def rests_after(*, lose: bool, level: int) -> bool:
        microphone = Microphone()
        microphone.may_rest = True
        microphone.send(160, level=100)
        assert microphone.inbound.rests
        if lose:
            microphone.sent += 1
        microphone.receive(microphone.sent, microphone.encoded(level))
        return microphone.inbound.rests

    assert rests_after(lose=False, level=100)
    assert not rests_after(lose=False, level=8000)
    assert not rests_after(lose=True, level=100), "it comes soon, or is given up"


def test_where_speech_may_lag_it_rests_in_the_midst_of_it_unless_something_is_played() -> None:
    microphone = Microphone()
    microphone.may_lag = True
    microphone.send(10)
    assert not microphone.inbound.rests
    microphone.may_rest = True
    assert microphone.inbound.rests
    microphone.may_lag = False
    assert not microphone.inbound.rests


def test_where_speech_lags_silence_is_made_up_when_its_sender_stops_but_not_between_what_comes_together() -> None:
    microphone = Microphone()
    microphone.may_rest = microphone.may_lag = True
    for level in [8000] * 5 + [100] * 5:
        for _ in range(5):
            microphone.receive(microphone.sent, microphone.encoded(level))
            microphone.sent += 1
        microphone.clock.advance_ms(130)
    assert abs(len(microphone.samples) - 50 * 320) <= 20
    microphone.clock.advance_ms(1000)
    assert len(microphone.samples) > 50 * 320 + 900 * 16


def test_at_rest_what_came_together_is_heard_as_one_piece_and_before_a_sound_that_follows() -> None:
    microphone = Microphone()
    microphone.may_rest = True
    microphone.send(160, level=100)
    before = len(microphone.heard)
    for _ in range(3):
        microphone.receive(microphone.sent, microphone.encoded(100))
        microphone.sent += 1
    assert len(microphone.heard) == before
    microphone.clock.advance_ms(0)
    assert [samples.size for samples, _ in microphone.heard[before:]] == [960]
    for level in (100, 8000):
        microphone.receive(microphone.sent, microphone.encoded(level))
        microphone.sent += 1
    assert [samples.size for samples, _ in microphone.heard[before + 1 :]] == [320, 320]
    assert microphone.loudness(20) > 1000


def test_no_silence_is_made_up_while_it_rests_and_after_that_it_is_again() -> None:
    microphone = Microphone()
    microphone.may_rest = True
    microphone.send(160, level=100)
    before = microphone.samples.size
    microphone.clock.advance_ms(1000)
    assert microphone.samples.size == before
    microphone.send()
    microphone.clock.advance_ms(1000)
    assert microphone.samples.size > before + 900 * 16


def test_a_packet_is_heard_in_the_call_that_received_it() -> None:
    microphone = Microphone()
    before_ms = microphone.clock.time() * 1000
    microphone.send()
    (samples, at_ms), *_ = microphone.heard
    assert at_ms == before_ms
    assert 300 <= len(samples) <= 320


def test_speech_comes_in_pieces_of_20_ms_and_keeps_its_length() -> None:
    microphone = Microphone()
    microphone.send(50)
    assert {len(samples) for samples, _ in microphone.heard[1:]} == {320}
    assert abs(len(microphone.samples) - 16_000) <= 20
    assert microphone.loudness(500) > 5000


def test_a_lost_packet_is_concealed() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.send(lose=True)
    microphone.send(10)
    assert abs(len(microphone.samples) - 21 * 320) <= 20
    hole = microphone.samples[10 * 320 - 16 : 11 * 320 - 16]
    assert np.sqrt(np.mean(hole.astype(float) ** 2)) > 2500


def test_a_second_that_was_lost_ends_in_silence_and_keeps_its_length() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.send(50, lose=True)
    assert microphone.loudness(100) == 0
    microphone.send(10)
    assert abs(len(microphone.samples) - 70 * 320) <= 320


def test_without_packets_silence_is_heard_in_time() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.clock.advance_ms(1000)
    assert microphone.loudness(900) == 0
    assert abs(len(microphone.samples) - (10 * 320 + 16_000)) <= 2 * 320
    _, at_ms = microphone.heard[-1]
    assert microphone.clock.time() * 1000 - at_ms <= 20


def test_a_network_that_stalls_within_a_word_puts_no_silence_into_it() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.clock.advance_ms(250)
    assert len(microphone.heard) == 10
    microphone.clock.advance_ms(100)
    assert microphone.loudness(200) == 0


def test_a_sender_that_stops_where_nobody_speaks_is_silent_at_once() -> None:
    microphone = Microphone()
    microphone.receive(0, OpusEncoder().encode(np.zeros(FRAME_SAMPLES, np.int16)))
    microphone.clock.advance_ms(160)
    assert len(microphone.samples) >= 120 * 16


def test_made_up_silence_ends_when_no_turn_can_need_it() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.clock.advance_ms(60_000)
    assert 9 * 16_000 < len(microphone.samples) < 11 * 16_000


def test_after_a_long_silence_speech_is_heard_at_once() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.sent += 3000
    microphone.clock.advance_ms(60_000)
    before = len(microphone.samples)
    microphone.send(5)
    assert len(microphone.samples) - before <= 16_000 + 6 * 320
    assert microphone.loudness(80) > 5000


def test_before_the_first_packet_there_is_nothing() -> None:
    microphone = Microphone()
    microphone.clock.advance_ms(5000)
    assert microphone.heard == []


def test_discontinuous_transmission_is_silence_of_the_right_length_once() -> None:
    microphone = Microphone()
    microphone.send(10)
    for n in range(5):
        microphone.receive(10 + n, b"\xf8", frame=10 + 20 * n)
        microphone.clock.advance_ms(400)
    assert microphone.loudness(1900) < 50
    assert abs(len(microphone.samples) - (10 * 320 + 5 * 400 * 16)) <= 2 * 320


def test_a_muted_microphone_is_silence_whatever_it_sends() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.inbound.muted = True
    microphone.send(10)
    assert microphone.loudness(190) == 0
    assert abs(len(microphone.samples) - 20 * 320) <= 20
    microphone.inbound.muted = False
    microphone.send(10)
    assert microphone.loudness(100) > 5000


def test_damaged_packets_are_taken_for_lost_ones() -> None:
    microphone = Microphone()
    microphone.send(5)
    microphone.receive(5, b"\xff\xff\xff")
    microphone.receive(6, b"\xfb\x41\xff")
    microphone.receive(7, b"")
    microphone.sent = 7
    microphone.send(5)
    assert microphone.loudness(80) > 5000


def test_a_new_stream_is_followed_at_once() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.sent = 40_000
    before = len(microphone.heard)
    microphone.send(ssrc=2)
    assert len(microphone.heard) == before + 1


def test_nothing_is_heard_after_closing() -> None:
    microphone = Microphone()
    microphone.send(10)
    microphone.inbound.close()
    before = len(microphone.heard)
    microphone.send(10)
    microphone.clock.advance_ms(1000)
    assert len(microphone.heard) == before


class Recorder(PacketTrack):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[int, int]] = []
        """(timestamp, bytes) of every packet."""
        self.payloads: list[bytes] = []

    def put(self, packet: Any) -> None:
        self.sent.append((packet.pts, packet.size))
        self.payloads.append(bytes(packet))


class Loudspeaker:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.outbound = OutboundAudio(self.clock)
        self.track = Recorder()
        self.outbound.track = self.track

    def play(self, frames: int, level: int = 5000, every_ms: float = 20) -> list[int]:
        before = len(self.track.sent)
        for _ in range(frames):
            noise = np.random.default_rng(0).integers(-level, level + 1, FRAME_SAMPLES).astype(np.int16)
            self.outbound.send(noise)
            self.clock.advance_ms(every_ms)
        return [pts for pts, _ in self.track.sent[before:]]


def test_frames_follow_one_another_without_a_break() -> None:
    assert Loudspeaker().play(5) == [0, 960, 1920, 2880, 3840]


def test_uneven_pacing_does_not_show_in_the_timestamps() -> None:
    loudspeaker = Loudspeaker()
    pts = loudspeaker.play(1, every_ms=45) + loudspeaker.play(3, every_ms=5) + loudspeaker.play(1)
    assert pts == [0, 960, 1920, 2880, 3840]


def test_a_pause_of_the_caller_is_a_pause_in_the_timestamps() -> None:
    loudspeaker = Loudspeaker()
    loudspeaker.play(5)
    loudspeaker.clock.advance_ms(1000)
    assert loudspeaker.play(2) == [1100 * 48, 1100 * 48 + 960]


def test_lasting_silence_is_sent_every_200_ms_with_the_right_timestamps() -> None:
    loudspeaker = Loudspeaker()
    pts = loudspeaker.play(100, level=0)
    assert pts[:12] == [960 * n for n in range(12)]
    assert [size for _, size in loudspeaker.track.sent][10:12] == [3, 1]
    sizes = {pts // 960 - 11: size for pts, size in loudspeaker.track.sent[11:]}
    # Every 200 ms; once in 400 ms silence that is decoded, and right behind it that the pause goes on.
    assert [*sizes] == sorted([*range(0, 89, 10), 11, 31, 51, 71])
    assert [frame for frame, size in sizes.items() if size > 1] == [10, 30, 50, 70]
    assert loudspeaker.play(2) == [960 * 100, 960 * 101]


def test_in_lasting_silence_frames_that_nothing_leaves_for_may_come_late_and_nobody_notices() -> None:
    def sent(*, rests: bool) -> list[tuple[int, int, float]]:
        loudspeaker = Loudspeaker()
        loudspeaker.play(200, level=0)
        before = len(loudspeaker.track.sent)
        left_s: list[float] = []
        began = loudspeaker.clock.time()
        while loudspeaker.clock.time() < began + 1.8:
            frames = loudspeaker.outbound.unsent_frames + 1 if rests else 1
            loudspeaker.clock.advance_ms(20 * (frames - 1))
            loudspeaker.play(frames, level=0, every_ms=0)
            left_s += [loudspeaker.clock.time() - began] * (len(loudspeaker.track.sent) - before - len(left_s))
            loudspeaker.clock.advance_ms(20)
        packets = zip(loudspeaker.track.sent[before:], left_s, strict=True)
        return [(*packet, at_s) for packet, at_s in packets if at_s < 1.59]

    assert sent(rests=True) == [pytest.approx(packet) for packet in sent(rests=False)]
    assert len(sent(rests=True)) == 12, "one in 200 ms, and one more in 400"


def test_a_client_that_missed_the_end_of_what_it_heard_first_hears_no_noise_in_the_pause() -> None:
    loudspeaker, decoder = Loudspeaker(), OpusDecoder()
    loudspeaker.play(50)
    spoken = len(loudspeaker.track.sent)
    loudspeaker.play(60, level=0)
    for payload in loudspeaker.track.payloads[:spoken]:
        decoder.decode(payload)
    noise = [frame.to_ndarray() for payload in loudspeaker.track.payloads[spoken + 10 :] for frame in decoder.decode(payload)]
    assert np.abs(noise[0]).max() > 300, "it would"
    assert np.abs(noise[-1]).max() <= 3


def test_before_anything_is_connected_only_the_newest_packets_are_kept() -> None:
    async def scenario() -> list[int]:
        track = PacketTrack()
        outbound = OutboundAudio(asyncio.get_running_loop())
        outbound.track = track
        for _ in range(50):
            outbound.send(np.full(FRAME_SAMPLES, 1000, np.int16))
        kept = [(await track.recv()).pts for _ in range(5)]
        waiting = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        return [pts for pts in kept if pts is not None]

    assert asyncio.run(scenario()) == [960 * n for n in range(45, 50)]


def test_the_hook_into_aiortc_fits_the_installed_version() -> None:
    async def scenario() -> None:
        pc = RTCPeerConnection()
        receiver = pc.addTransceiver("audio").receiver
        tap(receiver, Microphone().inbound, lambda: 0.0)
        assert isinstance(vars(receiver)["_RTCRtpReceiver__jitter_buffer"], RtpTap)
        await pc.close()

    asyncio.run(scenario())


def test_an_aiortc_that_is_not_known_is_refused() -> None:
    with pytest.raises(RuntimeError, match="aiortc"):
        tap(object(), Microphone().inbound, lambda: 0.0)
