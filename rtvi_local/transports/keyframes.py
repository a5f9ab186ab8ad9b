"""Finds one whole key frame in a video's RTP packets: the kind that can be decoded without those before it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Codec = Literal["vp8", "h264"]

MAX_FRAME_BYTES = 4 << 20
"""A key frame of a detailed 4K screen is about 1 MB."""
MAX_PIXELS = 16_000_000
_REORDERED = 512
_VP8_START = b"\x9d\x01\x2a"
_H264_START = b"\x00\x00\x00\x01"
_H264_SPS, _H264_IDR = 7, 5


@dataclass(frozen=True, slots=True)
class Keyframe:
    codec: Codec
    data: bytes


def keyframe_codec(payload: bytes) -> Codec | None:
    """What a key frame whose first packet has this payload (without RTP's own headers) is coded in; None if none begins here.

    VP8: RFC 6386 §9.1, the frame's tag with its lowest bit 0, then a start code and the size. H.264 as aiortc unpacks it,
    with start codes: a sequence parameter set or a picture that needs no other (RFC 6184 §5.2).
    """
    if len(payload) >= 10 and not payload[0] & 1 and payload[3:6] == _VP8_START:
        width, height = (int.from_bytes(payload[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return "vp8" if 0 < width * height <= MAX_PIXELS else None
    if len(payload) > 4 and payload.startswith(_H264_START) and payload[4] & 0x1F in (_H264_SPS, _H264_IDR):
        return "h264"
    return None


class KeyframeCatcher:
    """Takes packets in any order, and gives the first key frame of which all have come."""

    def __init__(self) -> None:
        self._packets: dict[int, tuple[bytes, bool]] = {}
        """By sequence number: payload, and whether it is the frame's last."""
        self._first: int | None = None
        self._codec: Codec | None = None
        self._timestamp = 0
        self._bytes = 0

    def add(self, sequence_number: int, timestamp: int, marker: bool, payload: bytes) -> Keyframe | None:
        if (codec := keyframe_codec(payload)) is not None and (self._first is None or timestamp != self._timestamp):
            # A newer one is worth more than the rest of an older one.
            self._packets.clear()
            self._first, self._codec, self._timestamp, self._bytes = sequence_number, codec, timestamp, 0
        elif codec is not None and self._first is not None and (self._first - sequence_number) & 0xFFFF < _REORDERED:
            # Its beginning, overtaken by what follows it: H.264's parameters come in a packet of their own.
            self._first = sequence_number
        if self._first is None or timestamp != self._timestamp or sequence_number in self._packets:
            return None
        self._bytes += len(payload)
        if self._bytes > MAX_FRAME_BYTES:
            self._first = None
            return None
        self._packets[sequence_number] = payload, marker
        return self._whole()

    def _whole(self) -> Keyframe | None:
        assert self._first is not None and self._codec is not None
        pieces: list[bytes] = []
        number = self._first
        while (packet := self._packets.get(number)) is not None:
            payload, last = packet
            pieces.append(payload)
            if last:
                return Keyframe(self._codec, b"".join(pieces))
            number = (number + 1) & 0xFFFF
        return None
