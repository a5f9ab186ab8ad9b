"""What a library says when a model cannot be loaded becomes advice that a person can follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.model_files import loading


@pytest.mark.parametrize(
    ("error", "device", "advice"),
    [
        (RuntimeError("CUDA failed with error out of memory"), "cuda", "graphics card has free.*--device cpu"),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"), "cuda", "graphics card has free.*--device cpu"),
        (
            RuntimeError("CUDA driver version is insufficient for CUDA runtime version"),
            "cuda",
            "cannot run it; use --device cpu",
        ),
        (MemoryError(), "cpu", "more memory than is free; close other programs"),
        (RuntimeError("std::bad_alloc"), "cpu", "more memory than is free; close other programs"),
        (ValueError("Unsupported model binary version"), "cpu", "models verify.*models pull some-model"),
    ],
)
def test_the_advice_is_for_the_reason(error: Exception, device: str, advice: str) -> None:
    with pytest.raises(EngineError, match=f"some-model: .*{advice}"), loading(Path("/models/some-model"), device=device):
        raise error
