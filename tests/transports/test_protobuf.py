"""Byte fixtures: what protoc's encoders make of the same messages (protobuf's encoding guide, proto3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.transports.protobuf import (
    AudioFrame,
    FrameError,
    MessageFrame,
    OtherFrame,
    decode,
    encode_audio,
    encode_message,
)

MESSAGE = bytes.fromhex("22 0d 0a 0b") + b'{"id":"1"} '
AUDIO = bytes.fromhex("12 0c 1a 04 01 00 ff 7f 20 c0 bb 01 28 01")
CLIENTS_AUDIO = bytes.fromhex("12 16 08 07 12 05") + b"audio" + bytes.fromhex("1a 02 05 00 20 80 7d 28 01 30 80 80 01")
"""With id, name and pts, as some clients fill them in."""


def test_messages_are_the_bytes_of_the_standard() -> None:
    assert encode_message('{"id":"1"} ') == MESSAGE
    assert decode(MESSAGE) == MessageFrame('{"id":"1"} ')


def test_sound_is_the_bytes_of_the_standard() -> None:
    assert encode_audio(b"\x01\x00\xff\x7f", 24_000) == AUDIO
    assert decode(AUDIO) == AudioFrame(b"\x01\x00\xff\x7f", 24_000, 1)


def test_fields_that_are_of_no_use_here_are_skipped() -> None:
    assert decode(CLIENTS_AUDIO) == AudioFrame(b"\x05\x00", 16_000, 1)


def test_what_a_client_leaves_out_is_what_is_usual() -> None:
    assert decode(bytes.fromhex("12 04 1a 02 05 00")) == AudioFrame(b"\x05\x00", 16_000, 1)
    assert decode(bytes.fromhex("22 00")) == MessageFrame("")


@pytest.mark.parametrize("data", ["", "0a 02 12 00", "1a 00", "2a 02 08 01", "3a 01 00", "30 05"])
def test_frames_of_other_kinds_are_no_error(data: str) -> None:
    assert decode(bytes.fromhex(data)) == OtherFrame()


@pytest.mark.parametrize(
    "data", ["12", "12 05 1a", "22 02 0a 05", "ff" * 12, "13 00", "22 03 0a 01 ff", "10 01", "14", "20 01"]
)
def test_garbage_is_refused_with_a_reason(data: str) -> None:
    with pytest.raises(FrameError) as refused:
        decode(bytes.fromhex(data))
    assert str(refused.value)


@given(st.binary(max_size=200))
def test_nothing_but_a_frame_or_a_refusal_comes_of_any_bytes(data: bytes) -> None:
    try:
        frame = decode(data)
    except FrameError:
        return
    assert isinstance(frame, (AudioFrame, MessageFrame, OtherFrame))


@given(st.text(), st.binary(max_size=1000), st.integers(1, 2**32 - 1))
def test_what_is_encoded_comes_back(text: str, pcm: bytes, rate: int) -> None:
    assert decode(encode_message(text)) == MessageFrame(text)
    assert decode(encode_audio(pcm, rate)) == AudioFrame(pcm, rate, 1)
