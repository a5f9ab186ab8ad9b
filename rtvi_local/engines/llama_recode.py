"""Weights in a type that CPUs compute slowly, written once more in one that they compute fast.

llama.cpp rearranges weights when it loads them so that one instruction works on several rows, but has such kernels for some
types only. q5_0 and q5_1 are not among them, and they are what "Q4_K_M" comes to where rows do not divide by 256 (those of
Qwen2.5 0.5B have 896 values). As iq4_nl, which has the kernels on x86 and ARM, the same weights are read twice as fast, and
lose a little (docs/latency.md has both figures). All other weights are copied as they are. So are those outside the layers:
the embedding is only looked up, and what the output matrix loses is heard.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs

from rtvi_local.engines.gguf_header import BadHeader, Tensor, read_tensors
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.model_store.files import sha256_of

log = logging.getLogger(__name__)

FORMAT = 1
"""Grows when the weights are written differently, so that older ones on disk are not used."""

_Q5_0, _Q5_1, _IQ4_NL = 6, 7, 20
"""Numbers of ggml_type in ggml.h."""
SLOW_TYPES = {_Q5_0, _Q5_1}
"""q4_1 has no such kernels either, but loses too much: SmolLM2 135M showed it when it was tried."""
_FTYPE_IQ4_NL = 25
"""LLAMA_FTYPE_MOSTLY_IQ4_NL of llama.h."""
_SPARE_BYTES = 64 << 20
_MODEL, _RECORD = "model.gguf", "made.json"


def needs_recoding(path: Path) -> bool:
    """Whether most of the bytes in a model's layers are in a slow type. False for what is no GGUF, or one in several parts."""
    try:
        tensors = read_tensors(path)
    except (BadHeader, OSError):
        return False
    layers = [tensor for tensor in tensors if _in_layers(tensor)]
    slow = sum(tensor.bytes for tensor in layers if tensor.type in SLOW_TYPES)
    return "-of-0" not in path.name and 2 * slow > sum(tensor.bytes for tensor in layers)


def find_recoded(path: Path, *, cache_directory: Path | None = None, afresh: bool = False) -> Path | None:
    """The fast weights that `recode` made of the model at `path`, if they are there and whole; never makes any.

    What is remembered of a file is its size, time of change and sha256: one that was touched is hashed again, one that was not
    costs a stat, unless `afresh` is asked for.
    """
    for place in _places(path, cache_directory):
        for record in sorted(place.glob(f".fast-{FORMAT}-*/{_RECORD}")):
            made = record.with_name(_MODEL)
            try:
                states = json.loads(record.read_text())
                if not _unchanged(path, states["source"]):
                    continue
                if _unchanged(made, states["model"], afresh=afresh):
                    return made
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.debug("%s cannot be used: %r", record, error)
            log.warning(
                "%s is damaged and not used: %s is loaded as it came, which is slower. Mend it with: rtvi-local models pull %s",
                made, path.name, path.parent.name,
            )  # fmt: skip
    return None


def recode(path: Path, progress: Callable[[float], None], *, cache_directory: Path | None = None) -> Path:
    """Write the fast weights of the model at `path`, or find those that an earlier call wrote; blocks for half a minute.

    They are kept beside the model, or if nothing can be written there in the user's cache folder. `progress` hears the part
    that is done, 0 to 1. An interruption (KeyboardInterrupt) leaves nothing behind. Raises EngineError: no room, no place, or
    llama.cpp refused.
    """
    if (made := find_recoded(path, cache_directory=cache_directory)) is not None:
        return made
    digest = sha256_of(path)
    refused: OSError | None = None
    for place in _places(path, cache_directory):
        try:
            place.mkdir(parents=True, exist_ok=True)
            _sweep(place)
            temporary = Path(tempfile.mkdtemp(prefix=f".recoding-{os.getpid()}-", dir=place))
        except OSError as error:
            refused = error
            continue
        try:
            if shutil.disk_usage(place).free < path.stat().st_size + _SPARE_BYTES:
                needed = f"{(path.stat().st_size + _SPARE_BYTES) / 1e6:,.0f} MB"
                raise EngineError(
                    f"{place} has not the {needed} free that faster weights of {path.name} need. Make room there."
                )
            _run(path, temporary / _MODEL, progress)
            record = {"source": _state(path, digest), "model": _state(temporary / _MODEL)}
            (temporary / _RECORD).write_text(json.dumps(record))
            temporary.chmod(0o755)
            target = place / f".fast-{FORMAT}-{digest[:16]}"
            shutil.rmtree(target, ignore_errors=True)  # damaged, or another process was as fast, with the same result
            temporary.rename(target)
            return target / _MODEL
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    raise EngineError(f"Faster weights of {path.name} cannot be kept anywhere: {refused}.")


def made_of(path: Path) -> bool:
    """Whether faster weights lie beside the model at `path`, whole or not."""
    return any(path.parent.glob(f".fast-{FORMAT}-*"))


def forget_recoded(path: Path, *, cache_directory: Path | None = None) -> None:
    """Delete what `recode` made of the model at `path`, of whatever format, and what interrupted calls left."""
    for place in _places(path, cache_directory):
        for record in place.glob(f".fast-*/{_RECORD}"):
            try:
                mine = place == path.parent or _unchanged(path, json.loads(record.read_text())["source"])
            except (OSError, ValueError, KeyError, TypeError):
                mine = place == path.parent
            if mine:
                shutil.rmtree(record.parent, ignore_errors=True)
    _sweep(path.parent)


def _in_layers(tensor: Tensor) -> bool:
    return tensor.name.startswith("blk.") and len(tensor.shape) > 1


def _places(path: Path, cache_directory: Path | None) -> tuple[Path, Path]:
    return path.parent, cache_directory or platformdirs.user_cache_path("rtvi-local") / "weights"


def _state(path: Path, digest: str = "") -> list[int | str]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, digest or sha256_of(path)]


def _unchanged(path: Path, state: list[int | str], *, afresh: bool = False) -> bool:
    size, changed_ns, digest = state
    status = path.stat()
    return status.st_size == size and ((status.st_mtime_ns == changed_ns and not afresh) or sha256_of(path) == digest)


def _sweep(place: Path) -> None:
    """Delete what calls left that were killed: a power cut in the middle would cost half a gigabyte for ever."""
    for left_over in place.glob(".recoding-*"):
        if not _runs(int(left_over.name.split("-")[1])):
            shutil.rmtree(left_over, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _run(source: Path, target: Path, progress: Callable[[float], None]) -> None:
    """In a process of its own: the C function hears no interruption, and a crash in it would be ours."""
    command = [sys.executable, "-m", __name__, str(source), str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            for line in process.stdout:
                done, total = map(int, line.split())
                progress(done / total)
            reason = process.stderr.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            code = process.wait()
        except BaseException:
            process.kill()
            raise
    if code:
        why = reason[0] if reason else f"it ended with {code}"
        raise EngineError(f"{source.name} could not be written in a faster type ({why}). It works as it is, only slower.")


def _quantize(source: Path, target: Path, say: Callable[[str], None]) -> str:
    """The C call, in the child. Returns why it failed, or an empty string."""
    import llama_cpp.llama_cpp as lib

    errors: list[str] = []

    @lib.llama_log_callback  # type: ignore[untyped-decorator]
    def on_log(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
        line = text.decode("utf-8", "replace").strip()
        if step := re.match(r"\[\s*(\d+)/\s*(\d+)\]", line):
            say(f"{step[1]} {step[2]}\n")
        elif "fail" in line or "error" in line:
            errors.append(line)

    tensors = read_tensors(source)
    lib.llama_log_set(on_log, ctypes.c_void_p(0))
    lib.llama_backend_init()
    parameters = lib.llama_model_quantize_default_params()
    parameters.ftype, parameters.allow_requantize = _FTYPE_IQ4_NL, True
    parameters.nthread = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Without these, the library would choose types of its own for some tensors, and write all others anew as well.
    overrides = list(_types(tensors))
    end = lib.llama_model_tensor_override(None, 0)
    parameters.tt_overrides = (lib.llama_model_tensor_override * (len(overrides) + 1))(*overrides, end)
    types = {tensor.name: tensor.type for tensor in tensors}
    parameters.token_embedding_type = types.get("token_embd.weight", parameters.token_embedding_type)
    parameters.output_tensor_type = types.get("output.weight", parameters.output_tensor_type)
    code = lib.llama_model_quantize(os.fsencode(source), os.fsencode(target), ctypes.byref(parameters))
    return "" if code == 0 else (errors or [f"llama.cpp's quantizer returned {code}"])[-1]


def _types(tensors: list[Tensor]) -> Iterator[Any]:
    """What type each matrix is to have."""
    import llama_cpp.llama_cpp as lib

    for tensor in tensors:
        if len(tensor.shape) > 1:
            wanted = _IQ4_NL if _in_layers(tensor) and tensor.type in SLOW_TYPES else tensor.type
            yield lib.llama_model_tensor_override(f"^{re.escape(tensor.name)}$".encode(), wanted)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    def end_with_the_parent() -> None:
        # However the parent ends, its side of the pipe is closed: nobody is left who would delete what is being written.
        os.read(0, 1)
        os._exit(1)

    def say(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    if reason := _quantize(Path(sys.argv[1]), Path(sys.argv[2]), say):
        sys.exit(reason)
    with Path(sys.argv[2]).open("rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    _main()
