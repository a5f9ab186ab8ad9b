"""Errors for model files that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtvi_local.engines.interfaces import EngineError

_OUT_OF_MEMORY = ("bad allocation", "bad_alloc", "out of memory", "to allocate", "alloc_failed", "not enough memory")
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


def lack_of_memory(reason: str, *, on_gpu: bool) -> str:
    """What to do, if a library's `reason` for not loading a model is that there is no memory for it; else empty. The libraries
    write the same of this machine's memory and of a graphics card's."""
    if not any(sign in reason.lower() for sign in _OUT_OF_MEMORY):
        return ""
    if on_gpu:
        return (
            "it needs more memory than the graphics card has free; choose a smaller model (--preset tiny), or use --device cpu"
        )
    return "it needs more memory than is free; close other programs or choose a smaller model (--preset tiny)"


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
        on_gpu = device != "cpu"
        fix = lack_of_memory("out of memory" if isinstance(error, MemoryError) else text, on_gpu=on_gpu)
        if not fix and on_gpu and any(sign in text.lower() for sign in _CANNOT_COMPUTE):
            fix = "this GPU or its libraries cannot run it; use --device cpu, or see `rtvi-local doctor`"
        elif not fix:
            fix = (
                "its files are broken or of another kind than expected; run `rtvi-local models verify` and "
                f"`rtvi-local models pull {model}`, or choose another model"
            )
        raise EngineError(f"{model}: {fix} ({text})") from error
