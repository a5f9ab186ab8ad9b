"""llama.cpp's C functions, wrapped as far as the engine needs them: loading, memory, batches, sampling, aborting."""

from __future__ import annotations

import ctypes
import logging
import re
from collections.abc import Sequence

import llama_cpp.llama_cpp as lib

from rtvi_local.engines.sampling import DEFAULT_SAMPLING, Sampling

__all__ = [
    "KV_TYPES",
    "AbortSwitch",
    "Batch",
    "Memory",
    "Sampler",
    "forget_error",
    "last_error",
    "lib",
    "log_callback",
    "start",
]

log = logging.getLogger(__name__)

KV_TYPES = {"f16": (lib.GGML_TYPE_F16, 2.0), "q8_0": (lib.GGML_TYPE_Q8_0, 34 / 32)}
"""Name → (ggml type, bytes per value; a q8_0 block is 32 int8 and one f16 scale)."""

_LOG_ERROR = 4
"""GGML_LOG_LEVEL_ERROR of ggml.h."""
_last_error = ""
_REARRANGED = re.compile(r"repack tensor (\S+) with")
_rearranged: set[str] = set()


@lib.llama_log_callback  # type: ignore[untyped-decorator]
def log_callback(level: int, text: bytes, user_data: ctypes.c_void_p) -> None:
    global _last_error
    line = text.decode("utf-8", "replace").strip()
    if level == _LOG_ERROR and line:
        # The cause is logged first, then one line per caller that gives up.
        _last_error = _last_error or line
    if found := _REARRANGED.search(line):
        _rearranged.add(found[1])
    if len(line) > 1:
        log.debug("%s", line)


def start() -> None:
    """Initialise llama.cpp (again and again does no harm) and take its log away from stderr."""
    lib.llama_log_set(log_callback, ctypes.c_void_p(0))
    lib.llama_backend_init()


def forget_error() -> None:
    global _last_error
    _last_error = ""
    _rearranged.clear()


def rearranged() -> frozenset[str]:
    """The weights that llama.cpp said it rearranged since `forget_error`: it no longer needs them as they are in the file."""
    return frozenset(_rearranged)


def last_error() -> str:
    """The first error llama.cpp logged since `forget_error`, without the name of the C function; may be empty."""
    function, _, rest = _last_error.partition(": ")
    return rest if rest and " " not in function else _last_error


class AbortSwitch:
    """Makes a running `llama_decode` return 2 at its next graph node.

    ggml asks its abort callback before every node, hundreds of times a token. A Python callback would take the GIL each time,
    and with it the event loop's time. So the callback is a C function that is in every process and happens to do what is
    needed: `strlen` of a two-byte buffer, which is 0 ("go on") while the first byte is 0, and 1 ("stop") once it is not. Its
    size_t comes back in the register whose low byte the caller reads as a bool, on x86-64 and on aarch64.
    """

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)
        self._strlen = ctypes.CDLL(None).strlen
        self._callback = ctypes.cast(self._strlen, lib.ggml_abort_callback)

    def attach(self, context: lib.llama_context_p) -> None:
        lib.llama_set_abort_callback(context, self._callback, ctypes.cast(self._flag, ctypes.c_void_p))

    def on(self) -> None:
        """Safe from any thread, at any time: it writes one byte."""
        self._flag[0] = b"\x01"

    def off(self) -> None:
        self._flag[0] = b"\x00"


class Memory:
    """The context's key-value cache, by sequence."""

    def __init__(self, context: lib.llama_context_p) -> None:
        memory = lib.llama_get_memory(context)
        if memory is None:
            raise ValueError("the model has no memory: it is not a language model that writes text")
        self._memory = memory

    def truncate(self, sequence: int, length: int) -> bool:
        """Keep positions below `length`. False if the model cannot forget a part (recurrent ones): then nothing changed."""
        return bool(lib.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def share(self, source: int, target: int, length: int) -> None:
        """Let `target`, which must be empty, hold what `source` holds below `length`. Costs no cells in a unified cache."""
        lib.llama_memory_seq_cp(self._memory, source, target, 0, length)


class Sampler:
    """How the next token is chosen, in C. Temperature 0 takes the likeliest."""

    def __init__(self, temperature: float, n_vocab: int, sampling: Sampling = DEFAULT_SAMPLING) -> None:
        parameters = lib.llama_sampler_chain_default_params()
        parameters.no_perf = True
        self._chain = lib.llama_sampler_chain_init(parameters)
        if temperature <= 0:
            links = [lib.llama_sampler_init_greedy()]
        else:
            # Top-k first: the penalties look every candidate up in a hash table, and 40 are cheaper than 150 000.
            links = [
                lib.llama_sampler_init_top_k(sampling.top_k),
                lib.llama_sampler_init_penalties(n_vocab, 64, sampling.repeat_penalty, 0.0, 0.0),
                lib.llama_sampler_init_top_p(sampling.top_p, 1),
                lib.llama_sampler_init_min_p(0.05, 1),
                lib.llama_sampler_init_temp(temperature),
                lib.llama_sampler_init_dist(lib.LLAMA_DEFAULT_SEED if sampling.seed < 0 else sampling.seed),
            ]
        for link in links:
            lib.llama_sampler_chain_add(self._chain, link)

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        return (int(lib.llama_sampler_sample(self._chain, context, output_index)),)

    def free(self) -> None:
        if self._chain is not None:
            lib.llama_sampler_free(self._chain)
            self._chain = None


class Batch:
    """Tokens of several sequences for one `llama_decode`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._batch = lib.llama_batch_init(capacity, 0, 1)
        self._batch.n_tokens = 0

    def clear(self) -> None:
        self._batch.n_tokens = 0

    def add(
        self,
        sequence: int,
        position: int,
        tokens: Sequence[int],
        *,
        wants_output: bool,
        outputs_from: int | None = None,
        output_of: int | None = None,
    ) -> int:
        """Returns the index under which the last token's logits can be sampled, if `wants_output`; with `outputs_from`, all
        from that one of `tokens` on have some, and with `output_of` that one."""
        batch, start = self._batch, self._batch.n_tokens
        if start + len(tokens) > self._capacity:
            raise ValueError(f"{start + len(tokens)} tokens do not fit into a batch of {self._capacity}")
        for offset, token in enumerate(tokens):
            index = start + offset
            batch.token[index] = token
            batch.pos[index] = position + offset
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = offset == output_of or (outputs_from is not None and offset >= outputs_from)
        batch.n_tokens = start + len(tokens)
        last = batch.n_tokens - 1
        if wants_output:
            batch.logits[last] = True
        return int(last)

    def decode(self, context: lib.llama_context_p) -> int:
        """llama_decode's code: 0 done, 1 no room in the cache, 2 aborted, below 0 broken. Returns when it is computed."""
        result = int(lib.llama_decode(context, self._batch))
        if result == 0:
            lib.llama_synchronize(context)
        return result

    def free(self) -> None:
        lib.llama_batch_free(self._batch)
