"""The eyes of a language model: a projector (a `mmproj` GGUF beside the model) turns a picture into what the model can read.

A picture is made of chunks: tokens of the model's own ("here a picture begins"), and embeddings, which have no token. In the
list of a prompt's tokens each position of an embedding is a number of its own below zero, the same for the same picture; so the
books of the cache need to know nothing of pictures, and one that was read already is not read again.
"""

from __future__ import annotations

import ctypes
import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp.mtmd_cpp as mtmd
import numpy as np

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama_library import forget_error, last_error, lib, log_callback
from rtvi_local.engines.worker import Worker
from rtvi_local.images.picture import PictureError, Rgb, from_data_url, to_rgb

PICTURE_TOKENS = {"cpu": 256, "cuda": 1024}
"""The most that a picture becomes in a model that can choose. On two cores each takes 7 ms or more to read."""
PICTURE_BATCH_TOKENS = 512
"""Models that look at a picture as a whole (Gemma 3: 256 tokens) must read it in one step."""
REMEMBERED = 16
"""Pictures whose embeddings are kept, up to 2 MB each."""


@dataclass(frozen=True, eq=False, slots=True)
class Chunk:
    """A part of a picture that the model reads in one go, without tokens."""

    positions: tuple[int, ...]
    """The numbers that stand for it in a prompt."""
    cells: int
    """How much of the cache it takes: more than it has positions, in models with positions in two dimensions."""
    handle: Any
    owner: object
    """Keeps the handle alive."""
    embedding: np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """A picture, ready to be read."""

    tokens: tuple[int, ...]
    chunks: tuple[Chunk, ...]


_UNREADABLE = Seen((), ())


class Vision:
    """A projector in memory. `see` pictures first; then `tokens` and `chunks` know them."""

    def __init__(self, context: Any, model: lib.llama_model_p, name: str) -> None:
        self.name = name
        self._context = context
        self._embedding_size = int(lib.llama_model_n_embd_inp(model))
        self._worker = Worker("vision")
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()
        self._next_position = -1
        self.most_tokens = len(self._look(np.full((640, 640, 3), 127, np.uint8)).tokens)
        """What a picture takes that was not seen yet, more or less. Looking at one also warms everything up."""

    @classmethod
    def load(cls, path: Path, model: lib.llama_model_p, *, device: str, threads: int) -> Vision:
        """Blocks. Raises EngineError."""
        mtmd.mtmd_helper_log_set(log_callback, ctypes.c_void_p(0))
        parameters = mtmd.mtmd_context_params_default()
        parameters.use_gpu = device == "cuda"
        parameters.print_timings = False
        parameters.n_threads = threads
        parameters.warmup = False
        parameters.image_max_tokens = PICTURE_TOKENS[device]
        forget_error()
        context = mtmd.mtmd_init_from_file(str(path).encode(), model, parameters)
        if context is None:
            fix = "The projector must be made for this very model"
            raise EngineError(f"{path.name} cannot be loaded ({last_error() or 'no reason given'}). {fix}.")
        try:
            if not mtmd.mtmd_support_vision(context):
                raise EngineError(f"{path.name} is no projector for pictures. Choose the one for vision.")
            return cls(context, model, path.name)
        except BaseException:
            mtmd.mtmd_free(context)
            raise

    async def see(self, urls: Sequence[str]) -> Mapping[str, Seen]:
        """Turn pictures (data URLs) into what the model reads, those that it does not know yet. Raises EngineError."""
        seen: dict[str, Seen] = {}
        for url in urls:
            known = self._known(url)
            seen[url] = known if known is not None else await self._worker.run(self._see, url)
        return seen

    def tokens(self, url: str) -> Sequence[int] | None:
        known = self._known(url)
        if known is _UNREADABLE:
            return None
        return known.tokens if known is not None else (0,) * self.most_tokens

    def decode(self, context: lib.llama_context_p, chunk: Chunk, *, sequence: int, position: int, batch_tokens: int) -> int:
        """Let the model read a chunk: llama_decode's code. On the thread that owns the context."""
        batch = batch_tokens
        if mtmd.mtmd_decode_use_non_causal(self._context, chunk.handle):
            batch = chunk.cells
            if batch > PICTURE_BATCH_TOKENS:
                # llama.cpp would end the process.
                raise EngineError(f"{self.name}: a picture of {batch} tokens is more than fits into one step.")
        after = lib.llama_pos(0)
        embedding = chunk.embedding.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        code = mtmd.mtmd_helper_decode_image_chunk(
            self._context,
            context,
            chunk.handle,
            embedding,
            position,
            sequence,
            batch,
            ctypes.byref(after),
            mtmd.mtmd_helper_post_decode_callback(),
            None,
        )
        if code == 0:
            lib.llama_synchronize(context)
        return int(code)

    def close(self) -> None:
        self._worker.close()
        self._seen.clear()
        mtmd.mtmd_free(self._context)

    def _known(self, url: str) -> Seen | None:
        key = _key(url)
        if key in self._seen:
            self._seen.move_to_end(key)
        return self._seen.get(key)

    def _see(self, url: str) -> Seen:
        if (known := self._known(url)) is not None:
            return known
        try:
            seen = self._look(to_rgb(from_data_url(url)))
        except PictureError:
            # It is in the context, and every later turn would fail with it.
            seen = _UNREADABLE
        self._seen[_key(url)] = seen
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen

    def _look(self, pixels: Rgb) -> Seen:
        owner = self._tokenize(pixels)
        tokens: list[int] = []
        pictures: list[Chunk] = []
        for index in range(mtmd.mtmd_input_chunks_size(owner.handle)):
            handle = mtmd.mtmd_input_chunks_get(owner.handle, index)
            if mtmd.mtmd_input_chunk_get_type(handle) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
                count = ctypes.c_size_t(0)
                text = mtmd.mtmd_input_chunk_get_tokens_text(handle, ctypes.byref(count))
                tokens += text[: count.value] if text else []
            else:
                picture = self._embed(handle, owner)
                tokens += picture.positions
                pictures.append(picture)
        return Seen(tuple(tokens), tuple(pictures))

    def _tokenize(self, pixels: Rgb) -> _Chunks:
        height, width, _ = pixels.shape
        data = np.ascontiguousarray(pixels).ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        bitmap = mtmd.mtmd_bitmap_init(width, height, data)
        chunks = _Chunks()
        marker = mtmd.mtmd_default_marker()
        text = mtmd.mtmd_input_text(marker, len(marker), False, True)
        try:
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            code = mtmd.mtmd_tokenize(self._context, chunks.handle, ctypes.byref(text), bitmaps, 1)
        finally:
            mtmd.mtmd_bitmap_free(bitmap)
        if code != 0:
            raise EngineError(f"{self.name}: the picture cannot be prepared (mtmd_tokenize returned {code}).")
        return chunks

    def _embed(self, handle: Any, owner: object) -> Chunk:
        code = mtmd.mtmd_encode_chunk(self._context, handle)
        output = mtmd.mtmd_get_output_embd(self._context)
        if code != 0 or not output:
            raise EngineError(f"{self.name}: the picture cannot be seen (mtmd_encode_chunk returned {code}).")
        cells = int(mtmd.mtmd_input_chunk_get_n_tokens(handle))
        embedding = np.ctypeslib.as_array(output, (cells, self._embedding_size)).copy()
        count = int(mtmd.mtmd_input_chunk_get_n_pos(handle))
        first, self._next_position = self._next_position, self._next_position - count
        return Chunk(tuple(range(first, first - count, -1)), cells, handle, owner, embedding)


class _Chunks:
    """llama.cpp's list of chunks, freed when nobody holds it or one of its chunks any more."""

    def __init__(self) -> None:
        self.handle = mtmd.mtmd_input_chunks_init()
        weakref.finalize(self, mtmd.mtmd_input_chunks_free, self.handle)


def _key(url: str) -> bytes:
    return hashlib.sha256(url.encode("utf-8", "replace")).digest()
