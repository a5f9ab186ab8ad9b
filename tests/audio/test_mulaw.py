"""Against values that ITU-T G.711 and every implementation of it agree on."""

from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.audio import alaw, mulaw


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xFF), (-1, 0x7F), (32_767, 0x80), (-32_768, 0x00), (1_000, 0xCE), (-1_000, 0x4E)]
)
def test_mulaw_codes(sample: int, code: int) -> None:
    assert mulaw.encode(np.array([sample], np.int16)) == bytes([code])


@pytest.mark.parametrize(("code", "sample"), [(0xFF, 0), (0x7F, 0), (0x80, 32_124), (0x00, -32_124), (0xCE, 988), (0xF0, 120)])
def test_mulaw_values(code: int, sample: int) -> None:
    assert mulaw.decode(bytes([code])).tolist() == [sample]


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xD5), (-1, 0x55), (32_767, 0xAA), (-32_768, 0x2A), (1_000, 0xFA), (-1_000, 0x7A)]
)
def test_alaw_codes(sample: int, code: int) -> None:
    assert alaw.encode(np.array([sample], np.int16)) == bytes([code])


@pytest.mark.parametrize(("code", "sample"), [(0xD5, 8), (0x55, -8), (0xAA, 32_256), (0x2A, -32_256)])
def test_alaw_values(code: int, sample: int) -> None:
    assert alaw.decode(bytes([code])).tolist() == [sample]


def test_every_mulaw_code_comes_back_but_the_second_zero() -> None:
    codes = bytes(range(256))
    assert mulaw.encode(mulaw.decode(codes)) == codes.replace(b"\x7f", b"\xff")


def test_every_alaw_code_comes_back() -> None:
    codes = bytes(range(256))
    assert alaw.encode(alaw.decode(codes)) == codes


@pytest.mark.parametrize("law", [mulaw, alaw])
def test_every_sample_comes_back_within_its_segments_step(law: object) -> None:
    samples = np.arange(-32_000, 32_000).astype(np.int16)
    back = mulaw.decode(mulaw.encode(samples)) if law is mulaw else alaw.decode(alaw.encode(samples))
    error = np.abs(back.astype(np.int32) - samples)
    assert (error <= np.maximum(16, np.abs(samples.astype(np.int32)) / 24)).all()
