"""The folder: what counts as installed, what is remembered, presets, removal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtvi_local.model_store import (
    BadManifest,
    ModelBroken,
    ModelMissing,
    ModelStore,
    ModelStoreError,
    UnknownModel,
    default_directory,
    open_store,
)
from rtvi_local.model_store.files import sha256_of
from tests.model_store.conftest import Shop, file_entry, model_entry, sha256, some_bytes

CONTENT = some_bytes(10_000)


@pytest.fixture
def store(shop: Shop) -> ModelStore:
    url = shop.server.put("/a", CONTENT)
    store = shop.store(m=model_entry(file_entry("m.gguf", CONTENT, {"url": url}), file_entry("b", b"b", {"url": url})))
    folder = shop.directory / "m"
    folder.mkdir(parents=True)
    (folder / "m.gguf").write_bytes(CONTENT)
    (folder / "b").write_bytes(b"b")
    return store


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from now on."""
    names: list[str] = []

    def noting(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr("rtvi_local.model_store.verification.sha256_of", noting)
    return names


def test_a_whole_model_has_a_path(store: ModelStore) -> None:
    assert store.path("m") == store.directory / "m"


def test_a_missing_file_is_named_with_its_fix(store: ModelStore) -> None:
    (store.directory / "m" / "b").unlink()
    with pytest.raises(ModelMissing, match=r"m/b is missing. Fetch it with: rtvi-local models pull m"):
        store.path("m")


def test_a_file_of_the_wrong_size_is_named_with_its_fix(store: ModelStore) -> None:
    (store.directory / "m" / "b").write_bytes(b"bb")
    with pytest.raises(ModelBroken, match=r"m/b of m has 2 bytes instead of 1. .*models pull m"):
        store.path("m")


def test_a_file_with_other_bytes_is_named_with_both_hashes(store: ModelStore) -> None:
    (store.directory / "m" / "b").write_bytes(b"c")
    with pytest.raises(ModelBroken, match=rf"m/b of m has sha256 {sha256(b'c')}, but {sha256(b'b')}"):
        store.path("m")


def test_an_untouched_file_is_hashed_once_and_a_touched_one_again(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    names = hashed(monkeypatch)
    store.path("m")
    store.path("m")
    assert names == ["m.gguf", "b"]
    os.utime(store.directory / "m" / "b", ns=(1, 1))
    store.path("m")
    assert names == ["m.gguf", "b", "b"]


def test_a_change_of_the_same_size_is_found(store: ModelStore) -> None:
    store.path("m")
    path = store.directory / "m" / "b"
    path.write_bytes(b"x")
    os.utime(path, ns=(1, 1))
    assert store.state("m") == "broken"


def test_verify_hashes_whatever_is_remembered(store: ModelStore) -> None:
    store.path("m")
    path = store.directory / "m" / "b"
    before = path.stat()
    path.write_bytes(b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.state("m") == "installed", "a change that hides itself is what verify is for"
    with pytest.raises(ModelBroken):
        store.verify("m")


@pytest.mark.parametrize("memory", ["", "{", "[]", '{"m/b": 3}'])
def test_a_damaged_memory_only_costs_the_hashing(store: ModelStore, memory: str) -> None:
    (store.directory / ".verified.json").write_text(memory)
    assert store.path("m")


def test_a_file_that_was_just_pulled_is_not_hashed_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    url = shop.server.put("/a", CONTENT)
    store = shop.store(m=model_entry(file_entry("m.gguf", CONTENT, {"url": url})))
    store.pull(["m"])
    names = hashed(monkeypatch)
    store.path("m")
    assert names == []


def test_remove_deletes_the_model_and_nothing_else(store: ModelStore) -> None:
    (store.directory / "m" / "mine").write_text("keep")
    store.remove("m")
    assert [path.name for path in (store.directory / "m").iterdir()] == ["mine"]
    (store.directory / "m" / "mine").unlink()
    store.remove("m")
    assert not (store.directory / "m").exists()
    assert store.state("m") == "missing"


def test_a_folder_that_cannot_be_made_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelStoreError, match="file"):
        open_store(tmp_path / "file" / "models").pull(["silero-vad-v6"])


def test_names_that_nobody_knows_are_answered_with_those_that_are_known(store: ModelStore) -> None:
    with pytest.raises(UnknownModel, match=r"no model named 'n'\. Known: m"):
        store.path("n")
    with pytest.raises(UnknownModel, match="no preset"):
        store.preset("huge")


def test_a_preset_can_have_models_exchanged_but_only_for_the_same_kind() -> None:
    store = open_store("/nonexistent")
    assert store.preset().llm == "qwen2.5-coder-0.5b"
    assert store.preset("tiny", llm="qwen2.5-coder-1.5b").names == (
        "whisper-tiny.en",
        "qwen2.5-coder-1.5b",
        "piper-en_US-joe-medium",
        "silero-vad-v6",
        "smart-turn-v3.2",
    )
    with pytest.raises(UnknownModel, match="whisper-base is a model for stt, not for llm"):
        store.preset(llm="whisper-base")


def test_the_models_are_where_the_environment_says_or_in_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTVI_LOCAL_MODELS_DIRECTORY", "/somewhere")
    assert default_directory() == Path("/somewhere")
    monkeypatch.delenv("RTVI_LOCAL_MODELS_DIRECTORY")
    assert default_directory().parts[-2:] == ("rtvi-local", "models")


def test_a_damaged_list_of_added_models_is_not_overwritten(store: ModelStore) -> None:
    path = store.directory / "added-models.json"
    path.write_text("{")
    with pytest.raises(BadManifest, match="Move it away"):
        store.path("m")
    assert path.read_text() == "{"


@pytest.mark.models
def test_the_default_models_of_this_machine_are_whole() -> None:
    store = open_store()
    if store.missing(store.preset().names):
        pytest.skip(f"the default models are not in {store.directory}: rtvi-local models pull")
    for name in store.preset().names:
        store.verify(name)
