"""The key-value cache is filled with zeros when it is made, all of it, so all of it is resident; few conversations reach most
of it. Here its pages go back to the system, which gives them again, as zeros, where something is written.

llama.cpp does not tell where the cache lies. But it tells byte for byte what a sequence holds, and so the cache can be found in
what this process has mapped, without a doubt: a few dozen tokens are kilobytes in each of its tensors, and all of them have to
be where they would be.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from rtvi_local.engines.llama_library import lib
from rtvi_local.engines.llama_loading import Loaded, kv_bytes
from rtvi_local.memory import anonymous, drop_anonymous

_MEMORY = Path("/proc/self/mem")
_READ_BYTES = 1 << 20


def let_go_of_cache(loaded: Loaded, sequence: int, kv_type: str) -> None:
    """To be called while the cache holds `sequence` alone, from its first cell on, and nothing is computed. That is forgotten
    too: the sequence has to be cleared. A cache that is not laid out as expected is left as it is."""
    tensors = 2 * int(lib.llama_model_n_layer(loaded.model))
    row_bytes = kv_bytes(loaded.model, 1, kv_type) // tensors
    tensor_bytes = int(lib.llama_n_ctx(loaded.context)) * row_bytes
    held_bytes = (int(lib.llama_memory_seq_pos_max(lib.llama_get_memory(loaded.context), sequence)) + 1) * row_bytes
    state = state_of(loaded.context, sequence)
    last = state[-held_bytes:]
    if not 0 < held_bytes <= tensor_bytes or len(state) < tensors * held_bytes or not any(last):
        return
    with contextlib.suppress(OSError), _MEMORY.open("rb", buffering=0) as memory:
        # The last tensor's rows are the last of the state.
        for address in _find(memory.fileno(), last, tensors * tensor_bytes):
            end = address + tensor_bytes
            starts = range(end - tensors * tensor_bytes, end, tensor_bytes)
            if all(_is_there(memory.fileno(), start, held_bytes, state) for start in starts):
                drop_anonymous(starts[0], end)
                return


def state_of(context: lib.llama_context_p, sequence: int) -> bytes:
    """What the cache holds of a sequence, as llama.cpp would save it."""
    size = int(lib.llama_state_seq_get_size(context, sequence))
    state = (ctypes.c_uint8 * size)()
    written = int(lib.llama_state_seq_get_data(context, state, size, sequence))
    return bytes(state)[:written]


def _find(memory: int, wanted: bytes, least_bytes: int) -> Iterator[int]:
    """Where it lies, in what is mapped in one piece of so many bytes at least."""
    piece = bytearray(_READ_BYTES + len(wanted))
    for begin, end in anonymous():
        for at in range(begin, end, _READ_BYTES) if end - begin >= least_bytes else ():
            length = _read(memory, at, memoryview(piece)[: end - at])
            found = piece.find(wanted, 0, length)
            while found >= 0:
                yield at + found
                found = piece.find(wanted, found + 1, length)


def _is_there(memory: int, address: int, length: int, state: bytes) -> bool:
    piece = bytearray(length)
    return _read(memory, address, memoryview(piece)) == length and piece in state


def _read(memory: int, address: int, into: memoryview) -> int:
    """How many bytes could be read: none where nothing is mapped, or is no more."""
    try:
        return os.preadv(memory, [into], address)
    except OSError:
        return 0
