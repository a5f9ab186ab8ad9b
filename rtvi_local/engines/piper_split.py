"""The two halves of a Piper voice (see `piper_graph`), made once and kept on disk."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.model_store.files import sha256_of

log = logging.getLogger(__name__)

FORMAT = 1
"""Grows when the split is made differently, so that an older one on disk is not used."""


@dataclass(frozen=True, slots=True)
class SplitVoice:
    """Both halves, as paths or (where nothing could be written) as serialized models, for onnxruntime."""

    encoder: str | bytes
    decoder: str | bytes


def voice_model_path(directory: Path) -> Path:
    """The voice in `directory`. Raises EngineError unless it holds exactly one .onnx file."""
    found = sorted(directory.glob("*.onnx"))
    if len(found) != 1:
        what = "no .onnx file" if not found else f"{len(found)} .onnx files"
        raise EngineError(f"voice {directory.name}: {what} in {directory}; run 'rtvi-local models pull {directory.name}'")
    return found[0]


def prepare(directory: Path, *, cache_directory: Path | None = None) -> SplitVoice | None:
    """Split the voice in `directory`, or find the split that an earlier call made.

    It is kept beside the model, or if nothing can be written there in the user's cache folder, under the model's sha256, so
    that another model never gets it. If neither can be written, the halves stay in memory. None: this voice has no cut, and
    must be run whole. Raises EngineError for a file that is not a model.
    """
    path = voice_model_path(directory)
    name = f".split-{FORMAT}-{sha256_of(path)}"
    fallback = cache_directory or platformdirs.user_cache_path("rtvi-local") / "voices"
    places = (directory / name, fallback / name)
    for place in places:
        if (place / "encoder.onnx").is_file() and (place / "decoder.onnx").is_file():
            return SplitVoice(str(place / "encoder.onnx"), str(place / "decoder.onnx"))
    # Only now: it takes 8 MB and a tenth of a second, and a voice is split once.
    import onnx

    from rtvi_local.engines.piper_graph import NoCut, split

    try:
        model = onnx.load(str(path))
        if not model.graph.output:
            raise ValueError("it has no output")  # what protobuf makes of an empty file
    except Exception as error:  # protobuf's own error classes differ between its implementations
        raise EngineError(
            f"voice {directory.name}: {path} is not an ONNX model; run 'rtvi-local models pull {directory.name}'"
        ) from error
    try:
        encoder, decoder = (half.SerializeToString() for half in split(model))
    except NoCut as reason:
        log.warning("Voice %s is spoken sentence by sentence, not as it is made: %s", directory.name, reason)
        return None
    for place in places:
        try:
            _write(place, {"encoder.onnx": encoder, "decoder.onnx": decoder})
        except OSError as error:
            log.debug("Cannot keep the split voice in %s: %s", place, error)
        else:
            return SplitVoice(str(place / "encoder.onnx"), str(place / "decoder.onnx"))
    return SplitVoice(encoder, decoder)


def _write(place: Path, files: dict[str, bytes]) -> None:
    """All of `files` in a new folder, or nothing: a folder half written would be taken for a voice at the next start."""
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=place.parent))
    try:
        for name, content in files.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        try:
            temporary.rename(place)
        except OSError:
            if not (place / "decoder.onnx").is_file():  # else another process was faster, with the same result
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
