"""Every way in which a model file can be wrong is one sentence that names the file and says what to do."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from rtvi_local.engines import llama_loading
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.engines.llama_library import lib


def load(directory: Path, *, device: str = "cpu", kv_type: str = "f16") -> LlamaModel:
    return LlamaModel.load(directory, device=device, threads=1, context_tokens=512, sessions=1, kv_type=kv_type)


def gguf(architecture: str) -> bytes:
    """A GGUF version 3 file without tensors and with one key."""

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + string("general.architecture") + struct.pack("<I", 8) + string(architecture)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"No \.gguf file in .*models pull"):
        load(tmp_path)


def test_two_models_in_one_folder(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(gguf("llama"))
    with pytest.raises(EngineError, match=r"a\.gguf, b\.gguf"):
        load(tmp_path)


def test_the_first_part_of_a_split_model_stands_for_it(tmp_path: Path) -> None:
    for part in (1, 2):
        (tmp_path / f"big-0000{part}-of-00002.gguf").write_bytes(gguf("llama"))
    assert llama_loading.find_gguf(tmp_path).name == "big-00001-of-00002.gguf"


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "page.gguf").write_bytes(b"<html>not found</html>")
    with pytest.raises(EngineError, match=r"page\.gguf is not a GGUF file.*models verify"):
        load(tmp_path)


def test_a_kind_of_model_that_llama_cpp_does_not_know_says_which(tmp_path: Path) -> None:
    (tmp_path / "odd.gguf").write_bytes(gguf("teapot"))
    with pytest.raises(EngineError, match=r"odd\.gguf cannot be loaded .*teapot"):
        load(tmp_path)


def test_a_header_that_breaks_off(tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(gguf("llama")[:-3])
    with pytest.raises(EngineError, match=r"cut\.gguf cannot be loaded .*models pull"):
        load(tmp_path)


def test_a_cache_type_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="f16, q8_0"):
        load(tmp_path, kv_type="q1")


@pytest.mark.models
def test_a_download_that_broke_off(tmp_path: Path, models_directory: Path) -> None:
    whole = llama_loading.find_gguf(models_directory / "qwen2.5-coder-0.5b")
    with whole.open("rb") as file:
        (tmp_path / "half.gguf").write_bytes(file.read(20_000_000))
    with pytest.raises(EngineError, match=r"half\.gguf cannot be loaded \(.+\)\. Run 'rtvi-local models verify'"):
        load(tmp_path)


@pytest.mark.models
def test_too_little_memory_is_noticed_before_it_is_taken(models_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_loading, "free_memory_bytes", lambda: 300_000_000)
    with pytest.raises(EngineError, match=r"needs about \d+ MB of memory, and 300 MB are free\..*--preset tiny"):
        load(models_directory / "qwen2.5-coder-0.5b")


@pytest.mark.models
def test_a_gpu_that_the_library_was_not_built_for(models_directory: Path) -> None:
    if lib.llama_supports_gpu_offload():
        pytest.skip("this build can use a GPU")
    with pytest.raises(EngineError, match=r"GGML_CUDA=on, or use --device cpu"):
        load(models_directory / "qwen2.5-coder-0.5b", device="cuda")


@pytest.mark.parametrize(
    ("reason", "on_gpu", "fix"),
    [
        # As llama.cpp logs them: ggml_cuda_device_malloc's caller, and the loader that gives up.
        ("allocating 468.64 MiB on device 0: cudaMalloc failed: out of memory", True, "graphics card.*--device cpu"),
        ("error loading model: unable to allocate CUDA0 buffer", True, "graphics card.*--device cpu"),
        ("error loading model: unable to allocate CPU buffer", False, "close other programs.*--preset tiny"),
        ("unknown model architecture: 'teapot'", False, "choose another"),
        ("tensor data is not within the file bounds", False, "models verify"),
    ],
)
def test_the_advice_is_for_the_reason(reason: str, on_gpu: bool, fix: str) -> None:
    assert re.search(fix, llama_loading._loading_fix(reason, on_gpu))
    assert ("models verify" in llama_loading._loading_fix(reason, on_gpu)) == (fix == "models verify")
