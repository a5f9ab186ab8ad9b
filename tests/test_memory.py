"""What is given back is given back, and what is needed stays."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
import re
import sys
import weakref
from pathlib import Path

import pytest

from rtvi_local.memory import (
    anonymous,
    drop_anonymous,
    drop_pages,
    keep_house,
    return_freed,
    share_arenas,
    spare_from_collection,
)
from rtvi_local.virtual_clock import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_bytes(path: Path) -> int:
    found = re.search(rf"{re.escape(str(path))}\n(?:\w+:.*\n)*?Rss:\s+(\d+) kB", Path("/proc/self/smaps").read_text())
    assert found, "the file is not mapped"
    return int(found[1]) * 1024


def test_a_mapped_files_pages_are_let_go_and_can_still_be_read(tmp_path: Path) -> None:
    content = bytes(range(256)) * 16 * 1024
    path = tmp_path / "weights (1).gguf"
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == content
        assert resident_bytes(path) == len(content)
        drop_pages(path, [(0, len(content))])
        assert resident_bytes(path) == 0
        assert mapped[12_345] == content[12_345]


def test_only_the_asked_part_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "weights.gguf"
    path.write_bytes(bytes(64 * mmap.PAGESIZE))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:] == bytes(64 * mmap.PAGESIZE)
        drop_pages(path, [(8 * mmap.PAGESIZE + 17, 24 * mmap.PAGESIZE + 17)])
        assert resident_bytes(path) == 48 * mmap.PAGESIZE


def test_it_is_tidied_once_after_each_time_that_something_went_on() -> None:
    busy, tidied = [False, True, True, False, False, True, False, False], 0

    def is_idle() -> bool:
        return not busy.pop(0) if busy else True

    def tidy() -> None:
        nonlocal tidied
        tidied += 1

    async def live() -> None:
        house = asyncio.create_task(keep_house(is_idle, tidy))
        await asyncio.sleep(12)
        house.cancel()

    run(live())
    assert tidied == 3


def test_a_file_that_is_not_mapped_is_no_error(tmp_path: Path) -> None:
    drop_pages(tmp_path / "nothing.gguf", [(0, 10)])


def test_memory_of_its_own_reads_as_zeros_where_it_was_let_go() -> None:
    size = 64 * mmap.PAGESIZE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE) as mapped:
        mapped[:] = b"\x07" * size
        start = ctypes.addressof(byte := ctypes.c_byte.from_buffer(mapped))
        assert any(begin <= start and start + size <= end for begin, end in anonymous())
        drop_anonymous(start + 8 * mmap.PAGESIZE - 17, start + 24 * mmap.PAGESIZE + 17)
        assert mapped[:].count(0) == 16 * mmap.PAGESIZE
        assert not any(mapped[8 * mmap.PAGESIZE : 24 * mmap.PAGESIZE])
        del byte


def test_what_was_freed_between_what_is_in_use_is_returned() -> None:
    share_arenas(2)
    pieces = [bytearray(60_000) for _ in range(2000)]
    kept = pieces[::2]
    before = _anonymous_bytes()
    del pieces
    return_freed()
    assert before - _anonymous_bytes() > 40_000_000
    assert len(kept) == 1000


def _anonymous_bytes() -> int:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_the_garbage_collector_looks_through_what_is_new_alone() -> None:
    class Thing:
        itself: Thing

    old = Thing()
    spare_from_collection()
    try:
        new = Thing()
        seen = {id(one) for one in gc.get_objects()}
        assert id(new) in seen and id(old) not in seen
        new.itself = new
        gone = weakref.ref(new)
        del new
        gc.collect()
        assert gone() is None
    finally:
        gc.unfreeze()
