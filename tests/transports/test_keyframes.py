from __future__ import annotations

import random

import pytest

from rtvi_local.transports.keyframes import MAX_FRAME_BYTES, Keyframe, KeyframeCatcher, keyframe_codec


def vp8(width: int = 640, height: int = 480, *, key: bool = True) -> bytes:
    return bytes([0x10 if key else 0x11, 0, 0]) + b"\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


SPS, IDR, DELTA = (b"\x00\x00\x00\x01" + bytes([kind]) + b"..." for kind in (0x67, 0x65, 0x41))


def test_only_frames_that_need_no_other_are_key_frames() -> None:
    assert keyframe_codec(vp8()) == "vp8"
    assert keyframe_codec(vp8(key=False)) is None
    assert keyframe_codec(SPS) == keyframe_codec(IDR) == "h264"
    assert keyframe_codec(DELTA) is None
    assert keyframe_codec(b"") is None


@pytest.mark.parametrize("size", [(16_383, 16_383), (0, 480)])
def test_a_frame_that_says_it_is_huge_or_empty_is_none(size: tuple[int, int]) -> None:
    assert keyframe_codec(vp8(*size)) is None


def test_a_frame_is_whole_in_whatever_order_its_packets_come() -> None:
    packets = [(65_534 + n & 0xFFFF, 7, n == 4, vp8() if n == 0 else bytes([n])) for n in range(5)]
    whole = Keyframe("vp8", vp8() + b"\x01\x02\x03\x04")
    for seed in range(20):
        rest = packets[1:]
        random.Random(seed).shuffle(rest)
        catcher = KeyframeCatcher()
        answers = [catcher.add(*packet) for packet in [packets[0], *rest]]
        assert answers[:-1] == [None] * 4
        assert answers[-1] == whole


def test_what_belongs_to_other_frames_is_left_out() -> None:
    catcher = KeyframeCatcher()
    assert catcher.add(1, 6, True, vp8(key=False)) is None
    assert catcher.add(2, 7, False, vp8()) is None
    assert catcher.add(4, 8, True, vp8(key=False)) is None
    assert catcher.add(3, 7, True, b"end") == Keyframe("vp8", vp8() + b"end")


def test_a_newer_key_frame_takes_the_place_of_one_that_misses_a_packet() -> None:
    catcher = KeyframeCatcher()
    catcher.add(2, 7, False, vp8())
    catcher.add(4, 7, True, b"end")
    assert catcher.add(9, 9, True, vp8(320, 240)) == Keyframe("vp8", vp8(320, 240))


def test_parameters_that_come_behind_their_picture_are_part_of_it() -> None:
    catcher = KeyframeCatcher()
    assert catcher.add(11, 7, False, IDR) is None
    assert catcher.add(10, 7, False, SPS) is None
    assert catcher.add(12, 7, True, b"end") == Keyframe("h264", SPS + IDR + b"end")


def test_a_frame_without_end_is_given_up() -> None:
    catcher = KeyframeCatcher()
    catcher.add(0, 7, False, vp8())
    for number in range(1, 10):
        catcher.add(number, 7, False, bytes(MAX_FRAME_BYTES // 8))
    assert catcher.add(10, 7, True, b"end") is None
    assert catcher.add(11, 8, True, vp8()) is not None
