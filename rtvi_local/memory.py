"""Memory that this process holds and nobody needs any more, given back to the system, if that has a call for it."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_MADV_DONTNEED = 4
"""asm-generic/mman-common.h. Of a file's pages it drops only the mapping: what is read again comes from the page cache."""
_MADV_NOHUGEPAGE = 15
"""Of a huge page no part can be let go: the rest goes too, and all of it comes back with the next byte that is read."""
_M_ARENA_MAX = -8
"""malloc.h of glibc."""
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r--[ps] ([0-9a-f]+) \S+ [1-9]\d*\s+(.+)")
"""A line of /proc/self/maps (man 5 proc) of a file that is mapped to be read: from, to, where in the file, path."""
_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0\s*(?:\[heap\])?")
"""A line of what is mapped for this process alone, and is no file."""
_LOOK_S = 1.0


def drop_pages(path: Path, parts: Iterable[tuple[int, int]]) -> None:
    """Let go of the pages of a mapped file's `parts` (the first byte, and the one after the last). What is needed after all
    comes back when it is read."""
    library = _c_library()
    if library is None or not hasattr(library, "madvise"):
        return
    for found in _mapped(_MAPPING):
        if found[4] != str(path.resolve()):
            continue
        begin, end, offset = (int(found[group], 16) for group in (1, 2, 3))
        library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_NOHUGEPAGE)
        for start, stop in parts:
            first, last = max(begin, begin - offset + _page(start)), min(end, begin - offset + _page(stop))
            if first < last:
                library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_DONTNEED)


def anonymous() -> list[tuple[int, int]]:
    """From where to where this process has memory of its own, to be read and written; none where that cannot be known."""
    return [(int(found[1], 16), int(found[2], 16)) for found in _mapped(_ANONYMOUS)]


def drop_anonymous(begin: int, end: int) -> None:
    """Let go of the whole pages between two addresses, which nobody may write meanwhile. They read as zeros from then on."""
    library = _c_library()
    first, last = _page(begin + mmap.PAGESIZE - 1), _page(end)
    if first < last and hasattr(library, "madvise"):
        for advice in (_MADV_NOHUGEPAGE, _MADV_DONTNEED):
            library.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), advice)


def spare_from_collection() -> None:
    """What exists now stays: the garbage collector need not look through it again. Blocks for a tenth of a second.

    It looks through everything now and then, and 100,000 objects, most of them modules', took it 126 ms beside other work: so
    long nothing is sent and nothing heard."""
    gc.collect()
    gc.freeze()


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


def _mapped(kind: re.Pattern[str]) -> list[re.Match[str]]:
    """What this process has mapped of that kind; nothing where the system does not tell."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text(encoding="utf-8", errors="replace").splitlines() if sys.platform == "linux" else []
    return [found for line in lines if (found := kind.fullmatch(line))]


def _page(position: int) -> int:
    return position - position % mmap.PAGESIZE


def _c_library() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
