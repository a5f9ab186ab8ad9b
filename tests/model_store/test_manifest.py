"""The manifest in the repository, and what the parser refuses."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rtvi_local.bundled import bundled
from rtvi_local.config import Models
from rtvi_local.model_store import BadManifest, read_manifest
from rtvi_local.model_store.manifest import JoinedSource, PackageSource, parse_manifest
from tests.model_store.conftest import file_entry, model_entry

MANIFEST = read_manifest(bundled("models") / "manifest.toml")

GOOD = {"models": {"m": model_entry(file_entry("a", b"1", {"url": "https://h/a"}))}}


def test_the_presets_are_those_of_the_settings() -> None:
    assert tuple(MANIFEST.presets) == Models.__dataclass_fields__["preset"].metadata["choices"]
    assert MANIFEST.default_preset == Models().preset


def test_every_model_of_a_preset_is_known_for_its_kind() -> None:
    for preset in MANIFEST.presets.values():
        for kind, name in zip(("stt", "llm", "tts", "vad", "turn"), preset.names, strict=True):
            assert MANIFEST.model(name, kind)


def test_every_file_has_its_hash_and_a_source() -> None:
    for model in MANIFEST.models.values():
        for file in model.files:
            assert len(file.sha256) == 64
            assert file.size > 0
            assert file.sources


@pytest.mark.parametrize("preset", ["tiny", "laptop", "quality"])
def test_the_presets_for_every_machine_come_from_packages_alone(preset: str) -> None:
    for name in MANIFEST.preset(preset).names:
        for file in MANIFEST.models[name].files:
            first = file.sources[0]
            singles = [part.source for part in first.parts] if isinstance(first, JoinedSource) else [first]
            assert all(isinstance(single, PackageSource) for single in singles)


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """GOOD with one value changed (None: left out)."""
    data: dict[str, Any] = copy.deepcopy(GOOD)
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    return data


FILE = ("models", "m", "files", 0)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("models", "m", "kind"), "video", "kind: 'video' is none of"),
        (("models", "m", "licence"), None, "licence: a text"),
        (("models", "m", "colour"), "red", "colour: not known"),
        (("models", "m", "files"), [], "files: a model has files"),
        (("models", "../m"), GOOD["models"]["m"], "not a name"),
        (("models", ".m"), GOOD["models"]["m"], "not a name"),
        ((*FILE, "name"), "../a", "name: '../a' has not the right form"),
        ((*FILE, "name"), "a/b", "has not the right form"),
        ((*FILE, "sha256"), None, "sha256: a text is needed"),
        ((*FILE, "sha256"), "12", "sha256: '12' has not"),
        ((*FILE, "sha265"), "12", "sha265: not known"),
        ((*FILE, "size"), "1", "size: a number"),
        ((*FILE, "size"), True, "size: a number"),
        ((*FILE, "size"), 0, "size: a number"),
        ((*FILE, "sources"), [], "sources: at least one"),
        ((*FILE, "sources"), [{}], "file: a text"),
        ((*FILE, "sources"), [{"url": "https://h", "pth": "x"}], "pth: not known"),
        ((*FILE, "sources"), [{"hub": "a/b", "revision": "main", "path": "x"}], "revision: 'main'"),
        ((*FILE, "sources"), [{"parts": [{"url": "https://h", "size": 1, "sha256": "0" * 64}]}], "parts: at least two"),
        (("presets",), {"p": {"stt": "m"}}, "llm: a text"),
        (("default_preset",), "p", "no preset 'p'"),
        (("models",), [], "a table is needed"),
    ],
)
def test_what_is_not_right_is_refused_with_its_place(path: tuple[str | int, ...], value: Any, complaint: str) -> None:
    parse_manifest(GOOD, "good.toml")
    with pytest.raises(BadManifest) as caught:
        parse_manifest(changed(path, value), "bad.toml")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("bad.toml")


def test_parts_must_have_the_size_of_the_whole() -> None:
    parts = [{"url": "https://h", "size": 1, "sha256": digit * 64} for digit in "01"]
    with pytest.raises(BadManifest, match="size of the whole"):
        parse_manifest(changed((*FILE, "sources"), [{"parts": parts}]), "bad.toml")
