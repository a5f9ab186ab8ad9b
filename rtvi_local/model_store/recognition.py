"""What kind of model a path holds, told from its content, so that nothing unusable gets into the store."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtvi_local.model_store.errors import NotAModel

_PROJECTOR = "mmproj"
_HEAD_BYTES = 65_536
"""The key is the first of all, by custom."""
_GGUF_STRING = 8
_LEAST_GGUF_BYTES = 24  # magic, version, number of tensors, number of metadata entries


@dataclass(frozen=True)
class Recognised:
    """The files to take, and what they are."""

    kind: str
    purpose: str
    name: str
    files: tuple[Path, ...]
    projector: Path | None = None
    """What lets a language model see."""


def recognise(path: Path, projector: Path | None = None) -> Recognised:
    """A GGUF file (with the projector that lets it see), a folder with one, or with a CTranslate2 Whisper, or a Piper voice;
    raises NotAModel with what is wrong."""
    try:
        found = _folder(path) if path.is_dir() else _file(path)
        if projector is None:
            return found
        if found.kind != "llm":
            raise NotAModel(f"{path} is no language model; only these take a projector.")
        return _seeing(found, projector)
    except OSError as error:
        raise NotAModel(f"{error.filename or path}: {error.strerror}") from None


def projector_name(path: Path) -> str:
    """How a projector is called in the store: the engine knows it by its name."""
    return path.name if _PROJECTOR in path.name else f"{_PROJECTOR}-{path.name}"


def _file(path: Path) -> Recognised:
    with path.open("rb") as file:
        head = file.read(_LEAST_GGUF_BYTES)
    if head.startswith(b"GGUF"):
        return _gguf(path, head)
    if path.name.endswith(".onnx.json"):
        return _voice(path.with_name(path.name.removesuffix(".json")))
    if path.suffix == ".onnx":
        return _voice(path)
    if path.name == "model.bin":
        return _whisper(path.parent)
    raise NotAModel(
        f"{path} is no model that can be added: a GGUF file, a folder with a CTranslate2 Whisper "
        "(model.bin, config.json, tokenizer.json, vocabulary), or a Piper voice (.onnx with .onnx.json beside it) can."
    )


def _folder(path: Path) -> Recognised:
    if (path / "model.bin").is_file():
        return _whisper(path)
    projectors = [file for file in path.glob("*.gguf") if _is_projector(file)]
    models = [file for file in (*path.glob("*.gguf"), *path.glob("*.onnx")) if file not in projectors]
    if len(models) == 1 and len(projectors) <= 1:
        found = _file(models[0])
        return _seeing(found, projectors[0]) if projectors else found
    raise NotAModel(
        f"{path} has {'several models: name the file' if models else 'no model in it: no model.bin, .gguf or .onnx'}."
    )


def _gguf(path: Path, head: bytes) -> Recognised:
    if len(head) < _LEAST_GGUF_BYTES:
        raise NotAModel(f"{path} is a GGUF file that was cut off after {len(head)} bytes.")
    (version,) = struct.unpack_from("<I", head, 4)
    if version not in (2, 3):
        raise NotAModel(f"{path} is a GGUF file of version {version}; 2 and 3 can be used.")
    if "-of-0" in path.name:
        raise NotAModel(f"{path} is one part of a split GGUF; join it first with llama-gguf-split --merge.")
    if _is_projector(path):
        raise NotAModel(f"{path} is the projector of a model that sees: add that model, with --projector {path.name}.")
    return Recognised("llm", "language model added on this machine", path.stem, (path,))


def _seeing(model: Recognised, projector: Path) -> Recognised:
    if not _is_projector(projector):
        raise NotAModel(f"{projector} is no projector: that is a GGUF file (often called mmproj) made for one model.")
    return replace(model, purpose="language model that sees, added on this machine", projector=projector)


def _is_projector(path: Path) -> bool:
    """Whether a GGUF file's architecture is `clip`, which is what all projectors are."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    key = b"general.architecture" + struct.pack("<IQ", _GGUF_STRING, 4)
    return head.startswith(b"GGUF") and key + b"clip" in head


def _whisper(folder: Path) -> Recognised:
    with (folder / "model.bin").open("rb") as file:
        head = file.read(64)
    # CTranslate2: a version, then the name of the model's specification with its length before it.
    if b"WhisperSpec\0" not in head:
        raise NotAModel(f"{folder / 'model.bin'} is no Whisper model in CTranslate2's format.")
    # Without a tokenizer.json, faster-whisper would ask the hub for one whenever it loads the model.
    needed = [folder / "model.bin", folder / "config.json", folder / "tokenizer.json"]
    vocabulary = [folder / name for name in ("vocabulary.json", "vocabulary.txt") if (folder / name).is_file()]
    for each in (*needed, *(vocabulary or [folder / "vocabulary.json"])):
        if not each.is_file():
            raise NotAModel(f"{folder} is a Whisper model, but {each.name} is missing in it.")
    _json(folder / "config.json")
    also = [folder / "preprocessor_config.json"] if (folder / "preprocessor_config.json").is_file() else []
    name = folder.resolve().name
    return Recognised("stt", "transcription model added on this machine", name, (*needed, vocabulary[0], *also))


def _voice(onnx: Path) -> Recognised:
    settings = onnx.with_name(onnx.name + ".json")
    if not onnx.is_file() or onnx.stat().st_size == 0:
        raise NotAModel(f"{onnx} is missing or empty.")
    if not settings.is_file():
        raise NotAModel(f"{onnx} needs {settings.name} beside it (every Piper voice comes with one).")
    content = _json(settings)
    rate = content.get("audio", {}).get("sample_rate") if isinstance(content.get("audio"), dict) else None
    if not isinstance(content.get("phoneme_id_map"), dict) or not isinstance(rate, int):
        raise NotAModel(f"{settings} is not from a Piper voice: it has no phoneme_id_map or no audio.sample_rate.")
    return Recognised("tts", f"voice added on this machine, {rate:,} Hz", onnx.stem, (onnx, settings))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise NotAModel(f"{path} is not valid JSON.") from None
    if not isinstance(content, dict):
        raise NotAModel(f"{path} is not a JSON object.")
    return content
