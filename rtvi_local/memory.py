"""Memory that this process holds and nobody needs any more, given back to the system, if that has a call for it."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MADV_DONTNEED = 4
"""asm-generic/mman-common.h. Of a file's pages it drops only the mapping: what is read again comes from the page cache."""
_M_ARENA_MAX = -8
"""malloc.h of glibc."""
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r--[ps] ([0-9a-f]+) \S+ [1-9]\d*\s+(.+)")
"""A line of /proc/self/maps (man 5 proc) of a file that is mapped to be read: from, to, where in the file, path."""
_LOOK_S = 1.0


def drop_pages(path: Path, start: int = 0, length: int | None = None) -> None:
    """Let go of the pages of a mapped file, or of so many bytes of it from `start` on: what is still needed comes back when it
    is read."""
    library = _c_library()
    if library is None or not hasattr(library, "madvise"):
        return
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        if (found := _MAPPING.fullmatch(line)) and found[4] == str(path.resolve()):
            begin, end, offset = (int(found[group], 16) for group in (1, 2, 3))
            first = max(begin, begin - offset + _page(start))
            last = end if length is None else min(end, begin - offset + _page(start + length))
            if first < last:
                library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_DONTNEED)


def return_freed() -> None:
    """Have the C library return what was freed; it keeps holes between what is still in use. Blocks for some milliseconds."""
    library = _c_library()
    if library is not None and hasattr(library, "malloc_trim"):
        library.malloc_trim(ctypes.c_size_t(0))


def share_arenas(count: int) -> None:
    """Let all threads allocate from so many pools, instead of each from one of its own that is never given back. To be called
    before there are threads."""
    library = _c_library()
    if library is not None and hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, count)


async def keep_house(is_idle: Callable[[], bool], tidy: Callable[[], None]) -> None:
    """Call `tidy`, in a thread, a second or two after whatever was going on has ended. Until cancelled."""
    is_tidy = False
    while True:
        await asyncio.sleep(_LOOK_S)
        if not is_idle():
            is_tidy = False
        elif not is_tidy:
            is_tidy = True
            await asyncio.to_thread(tidy)


def _page(position: int) -> int:
    return position - position % mmap.PAGESIZE


def _c_library() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
