"""The frames of browsers' WebSockets: five small protobuf messages (proto3, package `pipecat`), read and written by hand.

A generated codec would bring a runtime and generated code for three fields that are used. What is not known is skipped, as
protobuf wants it, so newer clients are understood.

    Frame           oneof: 1 text, 2 audio, 3 transcription, 4 message, 5 interruption
    AudioRawFrame   1 id, 2 name, 3 audio (bytes), 4 sample_rate, 5 num_channels, 6 pts
    MessageFrame    1 data (string: an RTVI envelope as JSON)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_AUDIO, _MESSAGE = 2, 4
_DATA = 1
_PCM, _SAMPLE_RATE, _CHANNELS = 3, 4, 5
DEFAULT_SAMPLE_RATE = 16_000


class FrameError(ValueError):
    """These bytes are no frame; the text says why, for the client."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """PCM16, little-endian, channels interleaved."""

    pcm: bytes
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class MessageFrame:
    text: str


@dataclass(frozen=True, slots=True)
class OtherFrame:
    """A frame of another kind, which no client sends to a voice."""


AnyFrame = Union[AudioFrame, MessageFrame, OtherFrame]


def encode_audio(pcm: bytes, sample_rate: int) -> bytes:
    """Mono."""
    fields = _field(_PCM, pcm) + _number(_SAMPLE_RATE, sample_rate) + _number(_CHANNELS, 1)
    return _field(_AUDIO, fields)


def encode_message(text: str) -> bytes:
    return _field(_MESSAGE, _field(_DATA, text.encode()))


def decode(data: bytes) -> AnyFrame:
    """Raises FrameError."""
    frame: AnyFrame = OtherFrame()
    for number, value in _fields(data):
        if number == _AUDIO and isinstance(value, bytes):
            frame = _read_audio(value)
        elif number == _MESSAGE and isinstance(value, bytes):
            frame = _read_message(value)
        elif number in (_AUDIO, _MESSAGE):
            raise FrameError("a frame's content must be a message")
    return frame


def _read_audio(data: bytes) -> AudioFrame:
    pcm, sample_rate, channels = b"", 0, 0
    for number, value in _fields(data):
        if number == _PCM and isinstance(value, bytes):
            pcm = value
        elif number == _SAMPLE_RATE and isinstance(value, int):
            sample_rate = value
        elif number == _CHANNELS and isinstance(value, int):
            channels = value
    # proto3 leaves out what is zero, and some clients leave out what is usual.
    return AudioFrame(pcm, sample_rate or DEFAULT_SAMPLE_RATE, channels or 1)


def _read_message(data: bytes) -> MessageFrame:
    text = b""
    for number, value in _fields(data):
        if number == _DATA and isinstance(value, bytes):
            text = value
    try:
        return MessageFrame(text.decode())
    except UnicodeDecodeError as error:
        raise FrameError("a message's data must be UTF-8") from error


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of each field."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(data, position)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise FrameError("this is no protobuf frame")
        if length > len(data) - position:
            raise FrameError("the frame is cut short")
        yield number, data[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise FrameError("the frame is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise FrameError("this is no protobuf frame")


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
