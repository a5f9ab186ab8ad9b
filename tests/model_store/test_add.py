"""Models of the user's own: recognised by content, copied whole, listed and checked like the others."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from rtvi_local.model_store import ModelBroken, ModelStore, NotAModel, open_store

GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + b"tensors"
WHISPER = struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + b"weights"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return open_store(tmp_path / "models")


def gguf(folder: Path) -> Path:
    path = folder / "My Model (v2).gguf"
    path.write_bytes(GGUF)
    return path


def whisper(folder: Path) -> Path:
    path = folder / "whisper-mine"
    path.mkdir()
    (path / "model.bin").write_bytes(WHISPER)
    (path / "config.json").write_text("{}")
    (path / "tokenizer.json").write_text("{}")
    (path / "vocabulary.json").write_text("[]")
    (path / "README.md").write_text("not needed")
    return path


def voice(folder: Path) -> Path:
    path = folder / "xx_XX-me-medium.onnx"
    path.write_bytes(b"onnx")
    path.with_name(path.name + ".json").write_text(json.dumps({"audio": {"sample_rate": 16000}, "phoneme_id_map": {"_": [0]}}))
    return path


@pytest.mark.parametrize(
    ("make", "kind", "name", "files"),
    [
        (gguf, "llm", "my", ["My-Model.gguf"]),
        (whisper, "stt", "whisper-mine", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"]),
        (voice, "tts", "xx_XX-me-medium", ["xx_XX-me-medium.onnx", "xx_XX-me-medium.onnx.json"]),
    ],
)
def test_each_kind_is_recognised_copied_and_then_like_the_others(
    store: ModelStore, tmp_path: Path, make: Callable[[Path], Path], kind: str, name: str, files: list[str]
) -> None:
    path = make(tmp_path)
    if make is gguf:
        path = path.rename(tmp_path / "My-Model.gguf")
    model = store.add(path, "my" if make is gguf else "")
    assert (model.name, model.kind) == (name, kind)
    assert sorted(each.name for each in (store.directory / name).iterdir()) == sorted(files)
    again = open_store(store.directory)
    assert again.path(name) == store.directory / name
    again.verify(name)
    assert again.manifest.model(name, kind).added
    assert getattr(again.preset(**{kind: name}), kind) == name
    assert path.exists(), "the user's own files stay"
    again.remove(name)
    assert name not in again.manifest.models
    assert not (store.directory / name).exists()


def test_the_name_is_made_from_the_files_name_if_none_is_given(store: ModelStore, tmp_path: Path) -> None:
    path = gguf(tmp_path).rename(tmp_path / "Some.Model-Q4_K_M.gguf")
    assert store.add(path).name == "Some.Model-Q4_K_M"


def test_a_file_name_that_the_store_cannot_keep_is_refused(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="rename it"):
        store.add(gguf(tmp_path), "mine")


def test_an_added_model_that_is_damaged_later_is_found_and_the_fix_is_to_add_it_again(
    store: ModelStore, tmp_path: Path
) -> None:
    store.add(voice(tmp_path), "me")
    (store.directory / "me" / "xx_XX-me-medium.onnx").write_bytes(b"xnno")
    with pytest.raises(ModelBroken, match=r"models remove me, then rtvi-local models add PATH --name me"):
        store.verify("me")
    with pytest.raises(ModelBroken, match="Add it again"):
        store.pull(["me"])


@pytest.mark.parametrize("name", ["whisper-base", "taken"])
def test_a_name_is_given_once(store: ModelStore, tmp_path: Path, name: str) -> None:
    path = voice(tmp_path)
    store.add(path, "taken")
    with pytest.raises(NotAModel, match="already"):
        store.add(path, name)
    assert store.state("taken") == "installed"


def test_a_folder_that_is_there_is_not_overwritten(store: ModelStore, tmp_path: Path) -> None:
    (store.directory / "mine").mkdir(parents=True)
    (store.directory / "mine" / "file").write_text("keep")
    with pytest.raises(NotAModel, match="is there already"):
        store.add(voice(tmp_path), "mine")
    assert (store.directory / "mine" / "file").read_text() == "keep"


def _without(make: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    def broken(folder: Path) -> Path:
        path = make(folder)
        ((path if path.is_dir() else path.parent) / name).unlink()
        return path

    return broken


def _with(name: str, content: bytes) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return made


def _changed(make: Callable[[Path], Path], name: str, content: bytes) -> Callable[[Path], Path]:
    def broken(folder: Path) -> Path:
        path = make(folder)
        ((path if path.is_dir() else path.parent) / name).write_bytes(content)
        return path

    return broken


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: folder / "absent.gguf", "No such file"),
        (_with("a.gguf", b"not one"), "no model that can be added"),
        (_with("a.gguf", b"GGUF\3\0\0\0"), "cut off"),
        (_with("a.gguf", b"GGUF" + struct.pack("<IQQ", 99, 0, 0)), "version 99"),
        (_with("a-00001-of-00002.gguf", GGUF), "llama-gguf-split"),
        (_with("empty", b""), "no model that can be added"),
        (lambda folder: folder, "no model in it"),
        (_without(whisper, "tokenizer.json"), "tokenizer.json is missing"),
        (_without(whisper, "vocabulary.json"), "vocabulary.json is missing"),
        (_changed(whisper, "model.bin", b"pytorch"), "no Whisper model"),
        (_changed(whisper, "config.json", b"{"), "not valid JSON"),
        (_without(voice, "xx_XX-me-medium.onnx.json"), "needs xx_XX-me-medium.onnx.json beside it"),
        (_changed(voice, "xx_XX-me-medium.onnx.json", b"{}"), "not from a Piper voice"),
        (_changed(voice, "xx_XX-me-medium.onnx.json", b"\xff"), "not valid JSON"),
        (_changed(voice, "xx_XX-me-medium.onnx", b""), "missing or empty"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    store: ModelStore, tmp_path: Path, make: Callable[[Path], Path], complaint: str
) -> None:
    with pytest.raises(NotAModel, match=complaint):
        store.add(make(tmp_path), "mine")
    assert "mine" not in store.manifest.models
    assert not (store.directory / "mine").exists()


PROJECTOR = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 20) + b"general.architecture" + struct.pack("<IQ", 8, 4) + b"clip"


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_model_that_sees_is_kept_with_its_projector(store: ModelStore, tmp_path: Path, as_folder: bool) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    model, projector = folder / "eyes.gguf", folder / "vision-f16.gguf"
    model.write_bytes(GGUF)
    projector.write_bytes(PROJECTOR)
    added = store.add(folder, "eyes") if as_folder else store.add(model, projector=projector)
    assert added.name == "eyes"
    assert "sees" in added.purpose
    assert [file.name for file in added.files] == ["eyes.gguf", "mmproj-vision-f16.gguf"]
    store.verify("eyes")
    (store.directory / "eyes" / "mmproj-vision-f16.gguf").write_bytes(b"other")
    with pytest.raises(ModelBroken):
        store.verify("eyes")


def test_a_projector_is_no_model_and_a_model_no_projector(store: ModelStore, tmp_path: Path) -> None:
    model, projector = tmp_path / "eyes.gguf", tmp_path / "mmproj.gguf"
    model.write_bytes(GGUF)
    projector.write_bytes(PROJECTOR)
    with pytest.raises(NotAModel, match=r"add that model, with --projector mmproj\.gguf"):
        store.add(projector)
    with pytest.raises(NotAModel, match=r"eyes\.gguf is no projector"):
        store.add(model, projector=model)
    with pytest.raises(NotAModel, match="only these take a projector"):
        store.add(whisper(tmp_path), projector=projector)
    with pytest.raises(NotAModel, match="No such file"):
        store.add(model, projector=tmp_path / "nothing.gguf")
