"""The manifest: which models there are, what is in them, and where each file comes from. No file or network access here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union
from urllib.parse import urlsplit

from rtvi_local.model_store.errors import BadManifest, UnknownModel

KINDS = ("stt", "llm", "tts", "vad", "turn")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class PackageSource:
    """A file inside the pure-Python wheel of exactly this version."""

    package: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"package {self.package} {self.version}"


@dataclass(frozen=True)
class HubSource:
    """A file of a Hugging Face repository at a commit (40 hex digits: a branch could change under us)."""

    hub: str
    revision: str
    path: str

    def __str__(self) -> str:
        return f"hub {self.hub}"


@dataclass(frozen=True)
class UrlSource:
    """An address. Redirects may stay on its host, or go to one of `hosts` (`*.example.org`: its subdomains)."""

    url: str
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return urlsplit(self.url).hostname or "url"


@dataclass(frozen=True)
class FileSource:
    """A file on this machine."""

    file: str

    def __str__(self) -> str:
        return self.file


@dataclass(frozen=True)
class Part:
    """One of the pieces that a file is joined from; `size` in bytes."""

    source: SingleSource
    size: int
    sha256: str


@dataclass(frozen=True)
class JoinedSource:
    """Parts, joined in this order."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return f"{len(self.parts)} parts, {self.parts[0].source} and on"


SingleSource = Union[PackageSource, HubSource, UrlSource, FileSource]
Source = Union[SingleSource, JoinedSource]


@dataclass(frozen=True)
class ModelFile:
    """`size` in bytes; the sources in the order in which they are tried."""

    name: str
    size: int
    sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Model:
    name: str
    kind: str
    purpose: str
    licence: str
    files: tuple[ModelFile, ...]
    added: bool = False
    """Added by the user on this machine; it has no sources."""

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Preset:
    """The names of the models that work together."""

    stt: str
    llm: str
    tts: str
    vad: str
    turn: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.stt, self.llm, self.tts, self.vad, self.turn)


@dataclass(frozen=True)
class Manifest:
    models: Mapping[str, Model]
    presets: Mapping[str, Preset] = field(default_factory=dict)
    default_preset: str = ""

    def model(self, name: str, kind: str = "") -> Model:
        """The model of that name and, if given, that kind; UnknownModel otherwise."""
        known = ", ".join(sorted(each.name for each in self.models.values() if kind in ("", each.kind)))
        found = self.models.get(name)
        if found is None:
            raise UnknownModel(f"There is no model named {name!r}. Known{f' for {kind}' if kind else ''}: {known}.")
        if kind and found.kind != kind:
            raise UnknownModel(f"{name} is a model for {found.kind}, not for {kind}. Known for {kind}: {known}.")
        return found

    def preset(self, name: str = "") -> Preset:
        """The preset of that name, or the default one; UnknownModel if there is none."""
        try:
            return self.presets[name or self.default_preset]
        except KeyError:
            raise UnknownModel(f"There is no preset named {name!r}. Known: {', '.join(self.presets)}.") from None

    def users_of(self, name: str) -> tuple[str, ...]:
        """The presets that use this model."""
        return tuple(preset for preset, models in self.presets.items() if name in models.names)


def parse_manifest(data: Mapping[str, Any], origin: str, *, added: bool = False) -> Manifest:
    """Check and type what a TOML or JSON file holds; BadManifest names `origin` and the place in it.

    Strict, because a key that is misspelt ("sha265") must not switch a check off.
    """
    top = _Table(data, origin)
    models = {name: _model(top.table("models").table(name), name, added) for name in top.table("models").data}
    presets = {name: _preset(top.table("presets").table(name), models) for name in top.table("presets").data}
    default = top.text("default_preset", "") or ""
    if default and default not in presets:
        raise BadManifest(f"{origin}: default_preset: there is no preset {default!r}")
    top.finish("models", "presets", "default_preset")
    return Manifest(models, presets, default)


class _Table:
    """A mapping that knows where it is, so that every complaint says so."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise BadManifest(f"{where}: a table is needed here")
        self.data = data
        self.where = where

    def fail(self, key: str, complaint: str) -> BadManifest:
        return BadManifest(f"{self.where}: {key}: {complaint}")

    def table(self, key: str) -> _Table:
        return _Table(self.data.get(key, {}), f"{self.where}: {key}")

    def tables(self, key: str) -> list[_Table]:
        value = self.data.get(key, [])
        if not isinstance(value, list):
            raise self.fail(key, "a list is needed here")
        return [_Table(each, f"{self.where}: {key} {number}") for number, each in enumerate(value, 1)]

    def text(self, key: str, default: str | None = None, pattern: re.Pattern[str] | None = None) -> str:
        value = self.data.get(key, default)
        if not isinstance(value, str) or (value == "" and default is None):
            raise self.fail(key, "a text is needed here")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.fail(key, f"{value!r} has not the right form")
        return value

    def size(self, key: str) -> int:
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.fail(key, "a number of bytes is needed here")
        return value

    def finish(self, *known: str) -> None:
        """Refuse what is not known."""
        for key in self.data:
            if key not in known:
                raise self.fail(key, f"not known here; known are {', '.join(known)}")


def valid_name(name: str) -> bool:
    """Whether this may be the name of a model or of a file in it: a plain file name, nothing hidden, no path."""
    return _NAME.fullmatch(name) is not None


def _model(table: _Table, name: str, added: bool) -> Model:
    if not valid_name(name):
        raise BadManifest(f"{table.where}: not a name for a model")
    kind = table.text("kind")
    if kind not in KINDS:
        raise table.fail("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    files = tuple(_file(each, added) for each in table.tables("files"))
    if not files or len({file.name.casefold() for file in files}) < len(files):
        raise table.fail("files", "a model has files, each with a name of its own")
    table.finish("kind", "purpose", "licence", "files")
    return Model(name, kind, table.text("purpose"), table.text("licence"), files, added)


def _file(table: _Table, added: bool) -> ModelFile:
    sources = tuple(_source(each) for each in table.tables("sources"))
    if not sources and not added:
        raise table.fail("sources", "at least one is needed")
    table.finish("name", "size", "sha256", "sources")
    file = ModelFile(table.text("name", pattern=_NAME), table.size("size"), table.text("sha256", pattern=_SHA256), sources)
    for source in sources:
        if isinstance(source, JoinedSource) and sum(part.size for part in source.parts) != file.size:
            raise table.fail("sources", "the parts have not the size of the whole")
    return file


def _source(table: _Table) -> Source:
    if "parts" not in table.data:
        return _single_source(table)
    table.finish("parts")
    parts = tuple(
        Part(_single_source(each, "size", "sha256"), each.size("size"), each.text("sha256", pattern=_SHA256))
        for each in table.tables("parts")
    )
    # Parts are kept under their sha256 until they are joined: two alike would be one file.
    if len(parts) < 2 or len({part.sha256 for part in parts}) < len(parts):
        raise table.fail("parts", "at least two, all different")
    return JoinedSource(parts)


def _single_source(table: _Table, *also: str) -> SingleSource:
    if "package" in table.data:
        table.finish("package", "version", "path", *also)
        return PackageSource(table.text("package", pattern=_NAME), table.text("version"), table.text("path"))
    if "hub" in table.data:
        table.finish("hub", "revision", "path", *also)
        return HubSource(table.text("hub", pattern=_REPOSITORY), table.text("revision", pattern=_REVISION), table.text("path"))
    if "url" in table.data:
        table.finish("url", "hosts", *also)
        hosts = table.data.get("hosts", [])
        if not isinstance(hosts, list) or not all(isinstance(host, str) and host for host in hosts):
            raise table.fail("hosts", "a list of host names is needed here")
        return UrlSource(table.text("url"), tuple(hosts))
    table.finish("file", *also)
    return FileSource(table.text("file"))


def _preset(table: _Table, models: Mapping[str, Model]) -> Preset:
    names = {kind: table.text(kind) for kind in KINDS}
    for kind, name in names.items():
        if name not in models or models[name].kind != kind:
            raise table.fail(kind, f"there is no model for {kind} named {name!r}")
    table.finish("purpose", *KINDS)
    return Preset(**names)
