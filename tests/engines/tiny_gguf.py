"""GGUF files of a few kilobytes: a whole llama whose words mean nothing, with weights of any type."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

Q5_0, Q8_0, F32, IQ4_NL = 6, 8, 0, 20
BLOCK_BYTES = {Q5_0: 22, Q8_0: 34, F32: 128}
"""Bytes of 32 values."""
ALIGNMENT = 32


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(content: object) -> bytes:
    if isinstance(content, str):
        return struct.pack("<I", 8) + string(content)
    if isinstance(content, float):
        return struct.pack("<If", 6, content)
    if isinstance(content, bool):
        return struct.pack("<I?", 7, content)
    if isinstance(content, int):
        return struct.pack("<II", 4, content)
    if isinstance(content, np.ndarray):
        return struct.pack("<IIQ", 9, 5, content.size) + content.astype("<i4").tobytes()
    assert isinstance(content, list)
    body = value(content[0])[:4] + struct.pack("<Q", len(content)) + b"".join(value(each)[4:] for each in content)
    return struct.pack("<I", 9) + body


def write_gguf(
    path: Path, metadata: Mapping[str, object], tensors: Sequence[tuple[str, tuple[int, ...], int | Float32]]
) -> Path:
    """Weights are a pattern of small numbers of a type, or those that are given. Shapes begin with the innermost length."""
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(string(key) + value(content) for key, content in metadata.items())
    data = b""
    for name, shape, weights in tensors:
        kind = weights if isinstance(weights, int) else F32
        header += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        header += struct.pack("<IQ", kind, len(data))
        content = pattern(math.prod(shape), kind) if isinstance(weights, int) else weights.astype("<f4").tobytes()
        data += content + bytes(-len(content) % ALIGNMENT)
    path.write_bytes(header + bytes(-len(header) % ALIGNMENT) + data)
    return path


def pattern(values: int, kind: int) -> bytes:
    if kind == F32:
        return struct.pack("<f", 1.0) * values
    return (struct.pack("<e", 0.01) + bytes(range(BLOCK_BYTES[kind] - 2))) * (values // 32)


def tiny_llama(path: Path, *, weights: int = Q5_0) -> Path:
    """One layer of 64 values, an embedding and an output in q8_0."""
    size, words = 64, ["<unk>", "<s>", "</s>", "a"] + [f"w{index}" for index in range(28)]
    metadata = {
        "general.architecture": "llama", "llama.context_length": 64, "llama.embedding_length": size, "llama.block_count": 1,
        "llama.feed_forward_length": size, "llama.attention.head_count": 2, "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": size // 2, "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.scores": [0.0] * len(words),
    }  # fmt: skip
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    return write_gguf(
        path,
        metadata,
        [
            ("token_embd.weight", (size, len(words)), Q8_0),
            ("blk.0.attn_norm.weight", (size,), F32),
            ("blk.0.ffn_norm.weight", (size,), F32),
            *[(f"blk.0.{name}.weight", (size, size), weights) for name in names],
            ("output_norm.weight", (size,), F32),
            ("output.weight", (size, len(words)), Q8_0),
        ],
    )
