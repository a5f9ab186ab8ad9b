"""From a folder with a GGUF file to a model and a context in memory, or to an error that says what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.engines.gguf_header import BadHeader, read_tensors
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama_library import KV_TYPES, forget_error, last_error, lib, rearranged, start
from rtvi_local.engines.llama_library import Memory as ContextMemory
from rtvi_local.engines.llama_plan import SCORED_TOKENS
from rtvi_local.engines.model_files import lack_of_memory
from rtvi_local.hardware import free_memory_bytes

WORKING_BYTES = 100_000_000
"""What a small model's graph, logits and vocabulary take beside weights and cache (measured: 90 MB for Qwen2.5 0.5B)."""

PROJECTOR = "mmproj"
"""What the name of a projector has in it, by the custom of llama.cpp."""


@dataclass(frozen=True, slots=True)
class Loaded:
    model: lib.llama_model_p
    context: lib.llama_context_p
    memory: ContextMemory
    context_tokens: int
    """The wanted length of a conversation, or what the model was trained for if that is less."""
    path: Path
    unused: tuple[tuple[int, int], ...] = ()
    """Parts of the file that are mapped, but not, or seldom, computed with: from, to."""

    def free(self) -> None:
        lib.llama_free(self.context)
        lib.llama_model_free(self.model)


def find_gguf(directory: Path) -> Path:
    """The one model file in `directory` (the first part of one that is split)."""
    whole = (path for path in directory.glob("*.gguf") if "-of-" not in path.name or "-00001-of-" in path.name)
    files = sorted(path for path in whole if PROJECTOR not in path.name)
    if not files:
        raise EngineError(f"No .gguf file in {directory}. Run 'rtvi-local models pull'.")
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise EngineError(f"{directory} holds several models ({names}). Keep one .gguf file in the folder.")
    with files[0].open("rb") as file:
        if file.read(4) != b"GGUF":
            raise EngineError(f"{files[0].name} is not a GGUF file. Run 'rtvi-local models verify', then 'models pull'.")
    return files[0]


def find_projector(directory: Path) -> Path | None:
    """The file that lets the model in `directory` see, if there is one."""
    files = sorted(path for path in directory.glob("*.gguf") if PROJECTOR in path.name)
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise EngineError(f"{directory} holds several projectors ({names}). Keep one in the folder.")
    return files[0] if files else None


def load(
    path: Path,
    *,
    device: str,
    threads: int,
    context_tokens: int,
    cache_tokens: int,
    sequences: int,
    batch_tokens: int,
    kv_type: str,
) -> Loaded:
    """Load weights and make a context of `sequences` sequences that share a cache of `cache_tokens`. Raises EngineError."""
    start()
    if device == "cuda" and not lib.llama_supports_gpu_offload():
        fix = "Reinstall it with CMAKE_ARGS=-DGGML_CUDA=on, or use --device cpu"
        raise EngineError(f"{path.name} cannot run on the GPU: llama-cpp-python was built without CUDA. {fix}.")
    on_gpu = device == "cuda"
    if not on_gpu:
        _require_memory(path, path.stat().st_size + WORKING_BYTES)
    model = _load_model(path, on_gpu)
    unused = () if on_gpu else tuple(_unused(path, rearranged()))
    try:
        wanted = min(context_tokens, int(lib.llama_model_n_ctx_train(model)) or context_tokens)
        cells = min(cache_tokens, wanted * sequences)
        if not on_gpu:
            # The weights are read from the page cache by now, so they are not counted as available any more.
            _require_memory(path, kv_bytes(model, cells, kv_type) + WORKING_BYTES)
        context = _make_context(
            path,
            model,
            cells=cells,
            sequences=sequences,
            batch_tokens=batch_tokens,
            threads=threads,
            kv_type=kv_type,
            on_gpu=on_gpu,
        )
        try:
            return Loaded(model, context, ContextMemory(context), wanted, path, unused)
        except ValueError as error:
            lib.llama_free(context)
            raise EngineError(f"{path.name}: {error}. Choose an instruction-tuned chat model.") from error
    except BaseException:
        lib.llama_model_free(model)
        raise


def _unused(path: Path, rearranged: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where in the file the rearranged weights are, and the embedding, of which only the rows of words that occur are read (a
    model without an output matrix multiplies with it)."""
    try:
        tensors = {tensor.name: tensor for tensor in read_tensors(path)}
    except (BadHeader, OSError):
        return
    looked_up = {"token_embd.weight"} if "output.weight" in tensors else set()
    for name, tensor in tensors.items():
        if name in rearranged or name in looked_up:
            yield tensor.start, tensor.start + tensor.bytes


def _load_model(path: Path, on_gpu: bool) -> lib.llama_model_p:
    parameters = lib.llama_model_default_params()
    parameters.n_gpu_layers = -1 if on_gpu else 0
    forget_error()
    model: lib.llama_model_p | None = lib.llama_model_load_from_file(str(path).encode(), parameters)
    if model is None:
        reason = last_error() or "no reason given"
        raise EngineError(f"{path.name} cannot be loaded ({reason}). {_loading_fix(reason, on_gpu)}.")
    return model


def _loading_fix(reason: str, on_gpu: bool) -> str:
    if fix := lack_of_memory(reason, on_gpu=on_gpu):
        return fix[0].upper() + fix[1:]
    if "unknown model architecture" in reason:
        return "This llama.cpp does not know such models: choose another (models.llm), or a newer rtvi-local"
    return "Run 'rtvi-local models verify', then 'models pull'. If it is intact, llama.cpp does not know this kind of model"


def _make_context(
    path: Path,
    model: lib.llama_model_p,
    *,
    cells: int,
    sequences: int,
    batch_tokens: int,
    threads: int,
    kv_type: str,
    on_gpu: bool,
) -> lib.llama_context_p:
    parameters = lib.llama_context_default_params()
    parameters.n_ctx = cells
    parameters.n_batch = parameters.n_ubatch = batch_tokens
    parameters.n_seq_max = sequences
    parameters.n_outputs_max = max(sequences, SCORED_TOKENS)
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_ENABLED
    parameters.type_k = parameters.type_v = KV_TYPES[kv_type][0]
    parameters.kv_unified = True
    parameters.swa_full = True
    # A build with support for a GPU would otherwise compute long prompts there, whatever device was asked for.
    parameters.offload_kqv = parameters.op_offload = on_gpu
    parameters.no_perf = True
    forget_error()
    context: lib.llama_context_p | None = lib.llama_init_from_model(model, parameters)
    if context is None:
        fix = "Lower llm.context_tokens or choose a smaller model" + (", or use --device cpu" if on_gpu else "")
        raise EngineError(f"{path.name}: no room to work in ({last_error() or 'no reason given'}). {fix}.")
    return context


def kv_bytes(model: lib.llama_model_p, cells: int, kv_type: str) -> int:
    """What a cache of `cells` tokens takes: a key and a value per layer and head."""
    heads = max(1, int(lib.llama_model_n_head(model)))
    head_size = int(lib.llama_model_n_embd(model)) / heads
    values = 2 * int(lib.llama_model_n_layer(model)) * int(lib.llama_model_n_head_kv(model)) * head_size
    return int(cells * values * KV_TYPES[kv_type][1])


def _require_memory(path: Path, needed_bytes: int) -> None:
    available = free_memory_bytes()
    if available is not None and needed_bytes > available:
        need, free = (f"{count / 1e6:.0f} MB" for count in (needed_bytes, available))
        fix = "Close other programs, choose a smaller model (--preset tiny), or lower llm.context_tokens"
        raise EngineError(f"{path.name} needs about {need} of memory, and {free} are free. {fix}.")
