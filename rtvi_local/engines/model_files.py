"""Errors for model files that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtvi_local.engines.interfaces import EngineError

_OUT_OF_MEMORY = ("bad allocation", "bad_alloc", "out of memory", "failed to allocate", "not enough memory")
_CANNOT_COMPUTE = ("compute type", "cuda", "cudnn", "cublas", "no kernel image")


def require_files(directory: Path, *names: str) -> None:
    """Raises EngineError if one of the files is missing or empty."""
    model = directory.name
    if not directory.is_dir():
        raise EngineError(f"{model}: there is no folder {directory}; run `rtvi-local models pull {model}`")
    for name in names:
        path = directory / name
        if not path.is_file() or path.stat().st_size == 0:
            raise EngineError(f"{model}: {path} is missing or empty; run `rtvi-local models pull {model}`")


@contextmanager
def loading(directory: Path, *, device: str) -> Iterator[None]:
    """Turn whatever a library raises while it loads or warms up a model into an EngineError that says what to do.

    The libraries raise RuntimeError, ValueError, MemoryError and classes of their own for the same causes; only their texts
    tell them apart.
    """
    model = directory.name
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        lowered = text.lower()
        if isinstance(error, MemoryError) or any(sign in lowered for sign in _OUT_OF_MEMORY):
            fix = "it needs more memory than is free; close other programs or choose a smaller model (--preset tiny)"
        elif device != "cpu" and any(sign in lowered for sign in _CANNOT_COMPUTE):
            fix = "this GPU or its libraries cannot run it; use --device cpu, or see `rtvi-local doctor`"
        else:
            fix = (
                "its files are broken or of another kind than expected; run `rtvi-local models verify` and "
                f"`rtvi-local models pull {model}`"
            )
        raise EngineError(f"{model}: {fix} ({text})") from error
