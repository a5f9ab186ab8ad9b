"""Which of the libraries that run models can use a graphics card here, and why the others cannot."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Accelerator:
    device: Literal["cpu", "cuda"]
    """What this library would compute on; cpu if it can use no accelerator."""
    reason: str
    """What it found, or why it uses none; for people."""
    loads: bool = True
    """False if the library itself is missing or broken: then nothing that needs it runs, on any device."""


def find_accelerators() -> Mapping[str, Accelerator]:
    """By library. One that cannot even be imported is reported, not raised: the doctor has to be able to tell."""
    probes: dict[str, Callable[[], Accelerator]] = {
        "ctranslate2": _ctranslate2,
        "llama.cpp": _llama_cpp,
        "onnxruntime": _onnxruntime,
    }
    found = {}
    for library, probe in probes.items():
        try:
            found[library] = probe()
        except (ImportError, OSError, RuntimeError) as error:
            found[library] = Accelerator("cpu", f"the library does not load: {error}", loads=False)
    return found


def _ctranslate2() -> Accelerator:
    import ctranslate2

    devices = ctranslate2.get_cuda_device_count()
    if devices == 0:
        return Accelerator("cpu", "no CUDA device, or no driver for it")
    if "float16" not in ctranslate2.get_supported_compute_types("cuda"):
        return Accelerator("cpu", "the CUDA device does not compute in float16")
    # The device counts without cuBLAS too, but the first transcription would then fail: CTranslate2 opens it that late.
    if sys.platform == "linux" and not _loads("libcublas.so.12"):
        return Accelerator("cpu", "there is a CUDA device, but cuBLAS 12 (libcublas.so.12) is not installed")
    return Accelerator("cuda", f"{devices} CUDA device{'s' if devices > 1 else ''}")


def _llama_cpp() -> Accelerator:
    import llama_cpp

    from rtvi_local.engines.llama_library import start

    start()  # before it looks for a graphics card, which it would tell stderr about
    if platform.system() == "Darwin":
        return Accelerator("cpu", "a Mac's GPU (Metal) is not used")
    if llama_cpp.llama_supports_gpu_offload():
        return Accelerator("cuda", "built with support for this machine's GPU")
    return Accelerator("cpu", "no GPU, or built without support for it (CMAKE_ARGS=-DGGML_CUDA=on builds it in)")


def _onnxruntime() -> Accelerator:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CUDAExecutionProvider" in providers:
        return Accelerator("cuda", "has the CUDA provider")
    return Accelerator("cpu", "built without the CUDA provider; the voice and the detectors are fast enough on the CPU")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
