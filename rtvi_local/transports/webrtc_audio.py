"""Sound in and out of an RTCPeerConnection, without aiortc's own decoder, encoder and buffers.

Inbound, a packet is decoded on the event loop in the very call that received it (30 µs) and handed on at once: no thread, no
queue. Outbound, frames are encoded here (50 µs; silence costs nothing) and aiortc only packs and encrypts them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from rtvi_local.audio.jitter import Gap, JitterBuffer, Lost, Packet, Piece
from rtvi_local.audio.opus import FRAME_SAMPLES, PACKET_OF_SILENCE, SAMPLE_RATE, OpusDecoder, OpusEncoder, packet_samples
from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler

LISTENING_SAMPLE_RATE = 16_000
_PIECE_SAMPLES = 320
"""20 ms at 16 kHz."""
_DECIMATION = SAMPLE_RATE // LISTENING_SAMPLE_RATE

STARVED_MS = 120.0
"""Without a packet for so long after a quiet one, silence is made up: an end of speech should not wait for a sender that sends
nothing while nobody speaks."""
STALLED_MS = 300.0
"""The same after a sound. A network that stalls is more frequent than a microphone that is taken away within a word, and what
comes late comes whole: silence put into the word before would be taken for its end."""
_SOUND_PEAK = 500
"""-36 dBFS: louder than the noise of a quiet room, and softer than speech."""
_PACKET_MS = 20.0
STARVATION_ENDS_MS = 10_000.0
"""After so much made-up silence every turn is over, and computing on it would be waste."""
_CONCEALED_SAMPLES = SAMPLE_RATE // 10
"""What libopus can make up before its guess has faded to silence."""
_SILENT_PACKET_BYTES = 2
"""Opus packets up to this size mean discontinuous transmission; decoded, they would continue the last sound."""
_FILLED_SAMPLES = SAMPLE_RATE
"""Longest hole that is filled when its end arrives."""
_RESTS_AFTER_SAMPLES = 3 * SAMPLE_RATE
"""Of quiet. Longer than any silence that may be a part of a turn."""


class Clock(Protocol):
    """The part of an event loop that is needed here."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle: ...


class InboundAudio:
    """Turns RTP packets into 16 kHz mono, in order, in pieces of about 20 ms, and never falls silent without saying so: what
    is lost is concealed, and what was not sent is delivered as silence."""

    def __init__(
        self,
        deliver: Callable[[Int16, float], None],
        clock: Clock,
        may_rest: Callable[[], bool] = lambda: False,
        may_lag: Callable[[], bool] = lambda: False,
    ) -> None:
        """`may_rest`: whether a beginning of speech, should there be one now, may be noticed a little late. `may_lag`: where it
        may, whether all of the speech may be heard as late."""
        self._deliver = deliver
        self._clock = clock
        self._may_rest = may_rest
        self._may_lag = may_lag
        self._quiet_samples = 0
        self._kept: list[Int16] = []
        """At rest: what came together, at 48 kHz, still to be handed on."""
        self._kept_ms = 0.0
        self._soon: asyncio.TimerHandle | None = None
        self.jitter = JitterBuffer()
        self.muted = False
        """The client says that its microphone is off: whatever still comes is silence."""
        self._decoder = OpusDecoder()
        self._resampler = Resampler(SAMPLE_RATE, LISTENING_SAMPLE_RATE)
        self._ssrc: int | None = None
        self._last_packet_ms = 0.0
        self._sounding = False
        """The last piece that was handed on was not quiet."""
        self._arrived_ms = 0.0
        """When what is handed on arrived, which may have waited for a hole before it to be filled."""
        self._made_up_samples = 0
        """Silence delivered since the last packet, in samples at 48 kHz."""
        self._watch: asyncio.TimerHandle | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def rests(self) -> bool:
        """Whether what comes may wait a little."""
        return self.jitter.deadline_ms is None and self._may_rest() and (self._is_quiet or self._may_lag())

    @property
    def _is_quiet(self) -> bool:
        return self._quiet_samples >= _RESTS_AFTER_SAMPLES

    def on_rtp(self, ssrc: int, sequence_number: int, timestamp: int, payload: bytes, arrived_ms: float) -> None:
        """Take a packet as it came from the network, by this clock."""
        samples = packet_samples(payload)
        if self._closed or not samples:
            return
        if ssrc != self._ssrc:
            # A new stream after a reconnection: its numbers have nothing to do with the old ones.
            self._ssrc = ssrc
            self.jitter = JitterBuffer(self.jitter.statistics, self.jitter.wait_ms)
        self._last_packet_ms = arrived_ms
        self._play(self.jitter.add(sequence_number, timestamp, payload, samples, arrived_ms))
        self._arm_expiry()
        if self._watch is None and not (self._is_quiet and self.rests):
            self._watch = self._clock.call_later(STARVED_MS / 1000, self._check_starvation)

    def close(self) -> None:
        self._closed = True
        for timer in (self._watch, self._expiry, self._soon):
            if timer is not None:
                timer.cancel()

    def _now_ms(self) -> float:
        return self._clock.time() * 1000

    def _play(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            # Never back in time: what waited for a packet that was late is no older than that.
            self._arrived_ms = max(self._arrived_ms, piece.arrived_ms)
            if isinstance(piece, Packet):
                # Only now, not when a packet arrives: the hole before it may still be waited for, and would be filled twice.
                self._made_up_samples = 0
                self._emit_packet(piece)
            elif isinstance(piece, Lost):
                self._emit_lost(self._less_made_up(piece.samples))
            elif isinstance(piece, Gap):
                self._emit_silence(self._less_made_up(piece.samples))

    def _less_made_up(self, samples: int) -> int:
        """The part of a hole that starvation has not filled already; nobody needs more of it than a second."""
        taken = min(samples, self._made_up_samples)
        self._made_up_samples -= taken
        return min(samples - taken, _FILLED_SAMPLES)

    def _emit_packet(self, packet: Packet) -> None:
        if self.muted or len(packet.payload) <= _SILENT_PACKET_BYTES:
            self._emit_silence(packet.samples)
            return
        try:
            frames = self._decoder.decode(packet.payload)
        except av.FFmpegError:
            self._emit_lost(packet.samples)
            return
        self._emit(frames)

    def _emit_lost(self, samples: int) -> None:
        concealed = min(samples, _CONCEALED_SAMPLES)
        frames = [] if self.muted or concealed <= 0 else self._decoder.conceal(concealed)
        self._emit(frames)
        self._emit_silence(samples - sum(frame.samples for frame in frames))

    def _emit(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            self._hand_on(np.frombuffer(bytes(frame.planes[0]), np.int16, frame.samples))

    def _emit_silence(self, samples: int) -> None:
        if samples >= _DECIMATION:
            self._hand_on(np.zeros(samples, np.int16))

    def _hand_on(self, sound: Int16) -> None:
        """48 kHz."""
        self._sounding = int(sound.max(initial=0)) > _SOUND_PEAK
        self._quiet_samples = 0 if self._sounding else self._quiet_samples + sound.size
        is_small = len(sound) < 2 * FRAME_SAMPLES
        if is_small and self.rests:
            # Together with what else is at hand: to resample and to hear it costs as much for 100 ms as for 20.
            self._kept.append(sound)
            self._kept_ms = self._arrived_ms
            if self._soon is None:
                self._soon = self._clock.call_later(0, self._hand_on_kept)
            return
        self._hand_on_kept()
        samples = self._resampler.push(sound)
        pieces = [samples] if is_small else np.split(samples, range(_PIECE_SAMPLES, len(samples), _PIECE_SAMPLES))
        for piece in pieces:
            self._deliver(piece, self._arrived_ms)

    def _hand_on_kept(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
            kept, self._kept = self._kept, []
            self._deliver(self._resampler.push(np.concatenate(kept)), self._kept_ms)

    def _arm_expiry(self) -> None:
        deadline_ms = self.jitter.deadline_ms
        if self._expiry is None and deadline_ms is not None:
            self._expiry = self._clock.call_later(max(0.0, deadline_ms - self._now_ms()) / 1000, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        now_ms = self._now_ms()
        deadline_ms = self.jitter.deadline_ms
        if deadline_ms is not None and deadline_ms <= now_ms:
            self._play(self.jitter.expire(now_ms))
        self._arm_expiry()

    def _check_starvation(self) -> None:
        # One timer that looks every 120 ms, and every 20 ms only while packets are missing: re-arming it with every packet
        # would cost more than decoding. Where it rests in a quiet room nothing waits for silence.
        self._watch = None
        rests = self.rests
        if rests and self._is_quiet:
            return
        quiet_ms = self._now_ms() - self._last_packet_ms
        # At rest a packet may have come and be waiting for others.
        patience_ms = STALLED_MS if self._sounding or rests else STARVED_MS
        if quiet_ms < patience_ms:
            self._watch = self._clock.call_later((patience_ms - quiet_ms) / 1000, self._check_starvation)
            return
        if quiet_ms > STARVATION_ENDS_MS:
            return
        due = max(0, int((quiet_ms - _PACKET_MS) * SAMPLE_RATE / 1000) - self._made_up_samples)
        due -= due % _DECIMATION
        self._made_up_samples += due
        self._arrived_ms = self._now_ms()
        self._emit_silence(due)
        self._watch = self._clock.call_later(0.02, self._check_starvation)


class PacketSink(Protocol):
    """Whoever wants the packets as they come: `InboundAudio`, or a client that measures."""

    def on_rtp(self, ssrc: int, sequence_number: int, timestamp: int, payload: bytes, arrived_ms: float) -> None: ...


class RtpTap:
    """Takes the place of aiortc's jitter buffer in an RTCRtpReceiver: sees every packet in the call that received it, and keeps
    all of them to itself, so that the receiver's decoder thread has nothing to do.

    aiortc has no way to set or replace its buffer, which delays speech by 80 ms, and by 280 ms from the first lost packet on
    (aiortc issue #543); `tap` puts this in. It relies on aiortc 1.16's attribute names, hence the pinned version, and a test
    that fails when they change.
    """

    def __init__(self, inbound: PacketSink, arrived_ms: Callable[[], float]) -> None:
        self._inbound = inbound
        self._arrived_ms = arrived_ms

    def add(self, packet: RtpPacketLike) -> tuple[bool, None]:
        """aiortc's JitterBuffer.add: (no picture was lost, no frame for the decoder thread)."""
        self._inbound.on_rtp(packet.ssrc, packet.sequence_number, packet.timestamp, packet._data, self._arrived_ms())
        return False, None


@dataclass
class RtpPacketLike:
    """What `RtpTap` reads of an aiortc RtpPacket."""

    ssrc: int
    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes
    """The payload, which aiortc adds to the packet before it asks the buffer."""


_BUFFER_ATTRIBUTE = "_RTCRtpReceiver__jitter_buffer"


def tap(receiver: object, inbound: PacketSink, arrived_ms: Callable[[], float]) -> None:
    """Let a receiver's packets go to `inbound`, with the time at which the packet at hand came.

    Raises RuntimeError if this aiortc is not the one that is known here."""
    if not hasattr(receiver, _BUFFER_ATTRIBUTE):
        raise RuntimeError("this aiortc keeps its jitter buffer elsewhere; install the version that rtvi-local asks for")
    setattr(receiver, _BUFFER_ATTRIBUTE, RtpTap(inbound, arrived_ms))


_TIME_BASE = Fraction(1, SAMPLE_RATE)
_QUEUED_PACKETS = 5
_BEHIND_SAMPLES = 2 * FRAME_SAMPLES
_LASTING_SILENCE_FRAMES = 100
"""From here on silence may be given late, all at once."""
_SILENT_FRAMES_PER_PACKET = 10
"""Of lasting silence: libopus sends one packet in 400 ms; one in 200 ms costs half as many awakenings as one in 100."""
_SILENT_FRAMES_PER_SOUND = 20
"""Of lasting silence, one in 400 ms is silence that is decoded. In a pause a decoder plays noise as loud as the quietest sound
that it has decoded: one that missed the end of the first words it heard, because the network lost it or the browser could not
keep up, would otherwise rush at -30 dB for as long as the pause lasts."""

_PLACE_OF_SOUND = _SILENT_FRAMES_PER_SOUND // 2


def _leaves(silent_frames: int) -> bool:
    """Whether the next of so many silent frames is sent. What follows a sound is, at once: it tells the client that the pause
    is meant, and not a loss."""
    place = silent_frames % _SILENT_FRAMES_PER_SOUND
    return place % _SILENT_FRAMES_PER_PACKET == 0 or place == _PLACE_OF_SOUND + 1


class OutboundAudio:
    """Encodes what `send` is given and stamps it by the clock, for whichever track is connected."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._encoder = OpusEncoder()
        self._start_s: float | None = None
        self._next_pts = 0
        self._silent_frames = 0
        self.track: PacketTrack | None = None

    @property
    def is_silent(self) -> bool:
        """Nothing has been to be heard for two seconds: this is no pause between words, and no echo is on its way back."""
        return self._silent_frames > _LASTING_SILENCE_FRAMES

    @property
    def unsent_frames(self) -> int:
        """See `transports.interface.Transport`."""
        if not self.is_silent:
            return 0
        return next(ahead for ahead in range(_SILENT_FRAMES_PER_PACKET) if _leaves(self._silent_frames + ahead))

    def send(self, samples: Int16) -> None:
        """Play 20 ms of 48 kHz mono now."""
        now_s = self._clock.time()
        if self._start_s is None:
            self._start_s = now_s
        elapsed = round((now_s - self._start_s) * SAMPLE_RATE)
        if elapsed - self._next_pts > _BEHIND_SAMPLES + (_SILENT_FRAMES_PER_PACKET * FRAME_SAMPLES if self.is_silent else 0):
            # The caller paused. The client must see a pause too: with the timestamps of uninterrupted sound, its buffer
            # would take what comes next for late and drop it, or play everything later from now on.
            self._next_pts = elapsed - elapsed % FRAME_SAMPLES
        pts = self._next_pts
        self._next_pts += FRAME_SAMPLES
        payload = self._encoder.encode(samples)
        due = True
        if len(payload) <= _SILENT_PACKET_BYTES:
            if self._silent_frames % _SILENT_FRAMES_PER_SOUND == _PLACE_OF_SOUND:
                payload = PACKET_OF_SILENCE
            due = _leaves(self._silent_frames)
            self._silent_frames += 1
        else:
            self._silent_frames = 0
        if self.track is not None and due:
            packet = av.Packet(payload)
            packet.pts = pts
            packet.time_base = _TIME_BASE
            self.track.put(packet)


class PacketTrack(MediaStreamTrack):
    """A track of packets that are encoded already: aiortc sends them on as they are."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: deque[av.Packet[Any]] = deque(maxlen=_QUEUED_PACKETS)
        self._waiter: asyncio.Future[None] | None = None

    def put(self, packet: av.Packet[Any]) -> None:
        """Queue a packet; before the sender runs, only the newest few are kept, so that it does not begin with a burst."""
        self._packets.append(packet)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def recv(self) -> av.Packet[Any]:
        if self.readyState != "live":
            raise MediaStreamError
        while not self._packets:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._packets.popleft()


class NoVideoTrack(MediaStreamTrack):
    """Holds the place of a picture that there is none of: a sender without a track asks for one fifty times a second."""

    kind = "video"

    async def recv(self) -> av.VideoFrame:
        await asyncio.get_running_loop().create_future()
        raise MediaStreamError
