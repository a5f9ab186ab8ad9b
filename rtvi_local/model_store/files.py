"""Hashes, copies and renames that leave either the old state or the new one, whenever the process dies."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

CHUNK_BYTES = 1 << 20


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def sha256_of(path: Path, also: Callable[[int], None] = lambda count: None) -> str:
    """The sha256 of a file in hex; `also` hears how many bytes each step took. OSError if it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            also(len(chunk))
    return digest.hexdigest()


def copy_bytes(source: IO[bytes], target: IO[bytes], limit: int, digest: Hash) -> int:
    """Copy and hash at most `limit` bytes and one more; the number returned tells whether there were more."""
    copied = 0
    while copied <= limit and (chunk := source.read(min(CHUNK_BYTES, limit + 1 - copied))):
        target.write(chunk)
        digest.update(chunk)
        copied += len(chunk)
    return copied


def flush_to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def replace(source: Path, target: Path) -> None:
    """Rename within one file system, so that after a power cut either name is there with all its bytes."""
    source.replace(target)
    for folder in {source.parent, target.parent}:
        _sync_folder(folder)


def write_text(path: Path, text: str) -> None:
    """Replace a small file at once."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("wb") as file:
        file.write(text.encode())
        flush_to_disk(file)
    replace(temporary, path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse it; the rename itself has happened
    finally:
        os.close(descriptor)


def disk_bytes(folder: Path) -> int:
    """What a folder takes on the disk, like `du`: a file with two names counts once."""
    taken = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it is gone again
            status = path.lstat()
            taken[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(taken.values())
