"""G.711 A-law, which telephones outside North America and Japan use: 8 bits a sample, 8,000 samples a second.

Tables made from ITU-T G.711's definition, as in `mulaw`; A-law has 13 bits, the top ones of a 16-bit sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.pcm import Int16

_EVEN_BITS = 0x55
"""The standard inverts them on the line."""


def decode(encoded: bytes) -> Int16:
    """One sample for each byte."""
    return _DECODED[np.frombuffer(encoded, np.uint8)]


def encode(samples: Int16) -> bytes:
    """One byte for each sample."""
    return _ENCODED[samples.view(np.uint16)].tobytes()


def _decoding_table() -> Int16:
    code = np.arange(256, dtype=np.int32) ^ _EVEN_BITS
    exponent = (code >> 4) & 7
    step = ((code & 15) << 4) + 8
    magnitude = np.where(exponent > 0, (step + 0x100) << np.maximum(exponent - 1, 0), step)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encoding_table() -> npt.NDArray[np.uint8]:
    """Indexed by a sample's bits, read as unsigned."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    # One less below zero: -1 >> 3 is already -1, and the standard wants its magnitude 0.
    magnitude = np.where(samples < 0, -samples - 1, samples)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 7, 0)
    mantissa = (magnitude >> np.maximum(exponent + 3, 4)) & 15
    sign = np.where(samples < 0, 0, 0x80)
    codes: npt.NDArray[np.uint8] = ((sign | (exponent << 4) | mantissa) ^ _EVEN_BITS).astype(np.uint8)
    return codes


_DECODED = _decoding_table()
_ENCODED = _encoding_table()
