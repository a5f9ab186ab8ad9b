"""Opus for one microphone and one voice (RFC 6716), through the libopus that PyAV brings along."""

from __future__ import annotations

from fractions import Fraction

import av

from rtvi_local.audio.pcm import Int16

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
"""20 ms."""

_SILENCE_SETTLES_FRAMES = 10
"""Silent frames after which transmission is discontinuous, as in libopus: by then encoder and decoder have faded out."""
_SILENT_PACKET = b"\xf8"
"""CELT, full band, 20 ms, mono, one frame (RFC 6716 table 2) of no bytes."""
PACKET_OF_SILENCE = b"\xf8\xff\xfe"
"""The same with a frame whose flag says that it is silent (§4.3): sound, which a decoder decodes."""


def packet_samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet holds; 0 if it is not a valid one (RFC 6716 §3.1 and §3.2)."""
    if not packet:
        return 0
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    samples = frames * frame_samples(packet[0])
    return samples if samples <= 5760 else 0


def frame_samples(toc: int) -> int:
    """How many samples at 48 kHz one frame of a packet that begins with this byte holds (RFC 6716, table 2)."""
    configuration = toc >> 3
    if configuration < 12:
        return (480, 960, 1920, 2880)[configuration & 3]
    if configuration < 16:
        return (480, 960)[configuration & 1]
    return (120, 240, 480, 960)[configuration & 3]


class OpusDecoder:
    """Decodes to 48 kHz mono, whatever the packets hold."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.format = "s16"
        self._codec.layout = "mono"
        self._codec.sample_rate = SAMPLE_RATE
        self._toc: int | None = None

    def decode(self, packet: bytes) -> list[av.AudioFrame]:
        """The packet's sound. Raises av.FFmpegError if it is damaged."""
        frames = self._codec.decode(av.Packet(packet))
        self._toc = packet[0]
        return frames

    def conceal(self, samples: int) -> list[av.AudioFrame]:
        """The decoder's own guess at lost sound (pitch continued, faded out within 60 to 100 ms), at least so long. Empty
        before the first packet.

        libopus conceals when it is given no data, which PyAV cannot express; a packet of the first byte alone, a frame of
        length zero, means the same (RFC 6716 §3.2.1) and libopus treats it so.
        """
        if self._toc is None:
            return []
        lost_packet = bytes([self._toc & 0xFC])
        frames: list[av.AudioFrame] = []
        for _ in range(-(-samples // frame_samples(self._toc))):
            frames += self._codec.decode(av.Packet(lost_packet))
        return frames


class OpusEncoder:
    """Encodes 20 ms frames of 48 kHz mono; 50 µs each on one 2020s x86 core, so it runs on the event loop.

    `lowdelay` (CELT alone) looks ahead 2.5 ms where `voip` looks ahead 6.5 ms and computes twice as long.
    """

    def __init__(self, bit_rate: int = 48_000) -> None:
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.bit_rate = bit_rate
        self._codec.format = "s16"
        self._codec.layout = "mono"
        self._codec.sample_rate = SAMPLE_RATE
        self._codec.time_base = Fraction(1, SAMPLE_RATE)
        self._codec.options = {"application": "lowdelay", "frame_duration": "20", "compression_level": "5"}
        self._pts = 0
        self._silent_frames = 0

    def encode(self, samples: Int16) -> bytes:
        """One packet for exactly FRAME_SAMPLES samples. Raises ValueError for another number.

        Lasting silence yields packets of one byte, a frame of length zero: receivers know them as discontinuous transmission
        and play silence until the next packet, so that not every one of them need be sent (`silent`).
        """
        if samples.shape != (FRAME_SAMPLES,):
            raise ValueError(f"expected {FRAME_SAMPLES} samples of mono audio, got shape {samples.shape}")
        if samples.any():
            self._silent_frames = 0
        elif self.silent:
            return _SILENT_PACKET
        else:
            self._silent_frames += 1
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._pts
        self._pts += FRAME_SAMPLES
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    @property
    def silent(self) -> bool:
        """Whether the silence has lasted."""
        return self._silent_frames > _SILENCE_SETTLES_FRAMES
