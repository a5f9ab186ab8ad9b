"""A language model that can see, of a few hundred kilobytes: a llama and a CLIP with a projector, all of random weights. What
it says means nothing, but it depends on what it sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.engines.tiny_gguf import Float32, write_gguf

SIZE, EYE_SIZE, HEADS = 64, 32, 2
IMAGE_SIDE, PATCH_SIDE = 32, 8
PICTURE_TOKENS = (IMAGE_SIDE // PATCH_SIDE) ** 2
CONTEXT_TOKENS = 1024
_BYTES = [f"<0x{number:02X}>" for number in range(256)]
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6


def seeing_llama(directory: Path, *, seed: int = 5) -> Path:
    """Write model.gguf and mmproj-model.gguf into a folder, and return it."""
    directory.mkdir(exist_ok=True)
    _language_model(directory / "model.gguf", np.random.default_rng(seed))
    _projector(directory / "mmproj-model.gguf", np.random.default_rng(seed + 1))
    return directory


def _language_model(path: Path, random: np.random.Generator) -> None:
    words = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "\u2581", *_BYTES]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, _CONTROL, _CONTROL, _NORMAL, *[_BYTE] * len(_BYTES)]
    metadata = {
        "general.architecture": "llama", "llama.context_length": CONTEXT_TOKENS, "llama.embedding_length": SIZE,
        "llama.block_count": 2, "llama.feed_forward_length": SIZE, "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": SIZE // HEADS,
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": words, "tokenizer.ggml.scores": [0.0] * len(words),
        "tokenizer.ggml.token_type": np.array(kinds, np.int32), "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 4, "tokenizer.ggml.unknown_token_id": 0,
    }  # fmt: skip
    square = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    tensors = [_random("token_embd.weight", (SIZE, len(words)), random), _ones("output_norm.weight", SIZE)]
    tensors.append(_random("output.weight", (SIZE, len(words)), random))
    for layer in range(2):
        tensors += [_ones(f"blk.{layer}.{name}.weight", SIZE) for name in ("attn_norm", "ffn_norm")]
        tensors += [_random(f"blk.{layer}.{name}.weight", (SIZE, SIZE), random) for name in square]
    write_gguf(path, metadata, tensors)


def _projector(path: Path, random: np.random.Generator) -> None:
    metadata = {
        "general.architecture": "clip", "clip.has_vision_encoder": True, "clip.projector_type": "mlp", "clip.use_gelu": True,
        "clip.vision.embedding_length": EYE_SIZE, "clip.vision.attention.head_count": HEADS,
        "clip.vision.feed_forward_length": EYE_SIZE, "clip.vision.block_count": 2, "clip.vision.projection_dim": SIZE,
        "clip.vision.attention.layer_norm_epsilon": 1e-5, "clip.vision.image_size": IMAGE_SIDE,
        "clip.vision.patch_size": PATCH_SIDE, "clip.vision.image_mean": [0.5] * 3, "clip.vision.image_std": [0.5] * 3,
    }  # fmt: skip
    tensors = [
        _random("v.patch_embd.weight", (PATCH_SIDE, PATCH_SIDE, 3, EYE_SIZE), random),
        _random("v.position_embd.weight", (EYE_SIZE, PICTURE_TOKENS), random),
        _random("mm.0.weight", (EYE_SIZE, SIZE), random),
        _random("mm.0.bias", (SIZE,), random),
        _random("mm.2.weight", (SIZE, SIZE), random),
        _random("mm.2.bias", (SIZE,), random),
    ]
    for layer in range(2):
        for name in ("ln1", "ln2"):
            tensors += [
                _ones(f"v.blk.{layer}.{name}.weight", EYE_SIZE),
                _random(f"v.blk.{layer}.{name}.bias", (EYE_SIZE,), random),
            ]
        for name in ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_up", "ffn_down"):
            tensors.append(_random(f"v.blk.{layer}.{name}.weight", (EYE_SIZE, EYE_SIZE), random))
            tensors.append(_random(f"v.blk.{layer}.{name}.bias", (EYE_SIZE,), random))
    write_gguf(path, metadata, tensors)


Tensor = tuple[str, tuple[int, ...], "int | Float32"]


def _random(name: str, shape: tuple[int, ...], random: np.random.Generator) -> Tensor:
    return name, shape, (random.standard_normal(shape[::-1]) / np.sqrt(shape[0])).astype(np.float32)


def _ones(name: str, size: int) -> Tensor:
    return name, (size,), np.ones(size, np.float32)
