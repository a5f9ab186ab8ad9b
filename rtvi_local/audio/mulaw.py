"""G.711 μ-law, as telephones send it: 8 bits a sample, 8,000 samples a second.

Both ways are tables made from ITU-T G.711's definition: the decoder's 256 values, and for every 16-bit sample the code that
the standard's segments give it (biased by 132 and clipped at 32,635, as the reference implementation does in 16-bit units).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtvi_local.audio.pcm import Int16

SAMPLE_RATE = 8_000
_BIAS = 132
_CLIP = 32_635


def decode(encoded: bytes) -> Int16:
    """One sample for each byte."""
    return _DECODED[np.frombuffer(encoded, np.uint8)]


def encode(samples: Int16) -> bytes:
    """One byte for each sample."""
    return _ENCODED[samples.view(np.uint16)].tobytes()


def _decoding_table() -> Int16:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = ((code >> 4) & 7).astype(np.int32)
    magnitude = ((((code & 15).astype(np.int32) << 3) + _BIAS) << exponent) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoding_table() -> npt.NDArray[np.uint8]:
    """Indexed by a sample's bits, read as unsigned."""
    samples = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 15
    sign = np.where(samples < 0, 0x80, 0)
    codes: npt.NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


_DECODED = _decoding_table()
_ENCODED = _encoding_table()
