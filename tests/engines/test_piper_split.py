from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.piper_graph import NoCut, find_cut, split
from rtvi_local.engines.piper_split import SplitVoice, prepare
from tests.engines.tiny_vits import CONTEXT_FRAMES, FRAME_SAMPLES, tiny_vits, write_tiny_voice


def _session(model: onnx.ModelProto | str | bytes) -> Any:
    content = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def _text(speakers: int, *, noise: float, speaker: int = 0) -> dict[str, npt.NDArray[Any]]:
    ids = np.arange(1, 60, dtype=np.int64)[None, :]
    inputs: dict[str, npt.NDArray[Any]] = {
        "input": ids,
        "input_lengths": np.array([ids.shape[1]], np.int64),
        "scales": np.array([noise, 1.0, 0.0], np.float32),
    }
    return inputs | ({"sid": np.array([speaker], np.int64)} if speakers > 1 else {})


def _speaker(decoder: Any, inputs: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {value.name: inputs[value.name] for value in decoder.get_inputs()[1:]}


@pytest.mark.parametrize("speakers", [1, 3])
def test_the_halves_together_say_what_the_whole_says(speakers: int) -> None:
    model = tiny_vits(speakers=speakers)
    encoder, decoder = (_session(half) for half in split(model))
    inputs = _text(speakers, noise=0.0, speaker=speakers - 1)
    latent, _ = encoder.run(None, inputs)
    halves = decoder.run(None, {decoder.get_inputs()[0].name: latent, **_speaker(decoder, inputs)})[0]
    whole = _session(model).run(None, inputs)[0]
    np.testing.assert_allclose(halves, whole, atol=1e-6)


def test_a_decoder_that_knows_its_speaker_speaks_as_that_speaker() -> None:
    _, decoder = (_session(half) for half in split(tiny_vits(speakers=3)))
    latent = np.random.default_rng(2).normal(size=(1, 8, 40)).astype(np.float32)
    name = decoder.get_inputs()[0].name
    sounds = [decoder.run(None, {name: latent, "sid": np.array([speaker], np.int64)})[0] for speaker in (0, 1)]
    assert np.abs(sounds[0] - sounds[1]).max() > 0.01


@pytest.mark.parametrize("speakers", [1, 3])
def test_durations_add_up_to_the_sound(speakers: int) -> None:
    encoder, decoder = (_session(half) for half in split(tiny_vits(speakers=speakers)))
    inputs = _text(speakers, noise=0.5)
    latent, durations = encoder.run(None, inputs)
    sound = decoder.run(None, {decoder.get_inputs()[0].name: latent, **_speaker(decoder, inputs)})[0]
    assert int(durations.sum()) == latent.shape[2]
    assert int(durations.sum()) * FRAME_SAMPLES == sound.size


@pytest.mark.parametrize("speakers", [1, 3])
def test_the_reach_of_the_decoder_is_neither_too_short_nor_longer_than_needed(speakers: int) -> None:
    model = tiny_vits(speakers=speakers)
    cut = find_cut(model.graph)
    assert (cut.frame_samples, cut.context_frames) == (FRAME_SAMPLES, CONTEXT_FRAMES)
    _, decoder = (_session(half) for half in split(model))
    latent = np.random.default_rng(3).normal(size=(1, 8, 60)).astype(np.float32)
    speaker = {"sid": np.array([1], np.int64)} if speakers > 1 else {}
    name = decoder.get_inputs()[0].name
    whole = decoder.run(None, {name: latent, **speaker})[0].reshape(-1)

    def frame(context: int) -> npt.NDArray[np.float32]:
        part = decoder.run(None, {name: latent[:, :, 30 - context : 31 + context], **speaker})[0].reshape(-1)
        made: npt.NDArray[np.float32] = part[context * FRAME_SAMPLES : (context + 1) * FRAME_SAMPLES]
        return made

    expected = whole[30 * FRAME_SAMPLES : 31 * FRAME_SAMPLES]
    assert np.abs(frame(CONTEXT_FRAMES) - expected).max() < 1e-6
    assert np.abs(frame(CONTEXT_FRAMES - 1) - expected).max() > 1e-6


def test_a_decoder_that_looks_at_the_whole_sound_is_not_split(tmp_path: Path) -> None:
    model = tiny_vits(looks_at_the_whole_sound=True)
    with pytest.raises(NoCut, match="ReduceMean"):
        find_cut(model.graph)
    assert prepare(write_tiny_voice(tmp_path / "voice", model)) is None


def test_a_graph_without_durations_is_not_split() -> None:
    model = tiny_vits()
    for node in model.graph.node:
        if node.op_type == "Ceil":
            node.op_type = "Floor"
    with pytest.raises(NoCut, match="durations"):
        find_cut(model.graph)


def test_the_split_is_made_once_and_found_again(tmp_path: Path) -> None:
    directory = write_tiny_voice(tmp_path / "voice", tiny_vits())
    first = prepare(directory)
    assert first is not None and isinstance(first.encoder, str)
    made = Path(first.encoder).stat().st_mtime_ns
    assert prepare(directory) == first
    assert Path(first.encoder).stat().st_mtime_ns == made
    assert [path.name for path in directory.glob("*.onnx")] == ["tiny.onnx"]
    assert not list(directory.glob(".writing-*"))


def test_another_model_never_gets_the_split_of_the_one_before(tmp_path: Path) -> None:
    directory = write_tiny_voice(tmp_path / "voice", tiny_vits())
    first = prepare(directory)
    onnx.save(tiny_vits(speakers=2), str(directory / "tiny.onnx"))
    second = prepare(directory)
    assert first is not None and second is not None and first.encoder != second.encoder


def _unwritable(path: Path) -> Path:
    """A folder's path at which no folder can be made, not even by root."""
    path.write_bytes(b"")
    return path / "below"


def test_where_nothing_can_be_written_beside_the_model_the_cache_folder_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_tiny_voice(tmp_path / "voice", tiny_vits())
    _refuse_writing_in(directory, monkeypatch)
    found = prepare(directory, cache_directory=tmp_path / "cache")
    assert found is not None and Path(str(found.encoder)).is_relative_to(tmp_path / "cache")


def test_where_nothing_can_be_written_at_all_the_halves_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write_tiny_voice(tmp_path / "voice", tiny_vits())
    _refuse_writing_in(directory, monkeypatch)
    found = prepare(directory, cache_directory=_unwritable(tmp_path / "file"))
    assert isinstance(found, SplitVoice) and isinstance(found.encoder, bytes)
    assert _session(found.encoder).get_inputs()[0].name == "input"


def _refuse_writing_in(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a read-only mount does. Modes alone stop no test that runs as root."""
    original = tempfile.mkdtemp

    def mkdtemp(*, prefix: str, dir: Path) -> str:
        if dir == directory:
            raise PermissionError(30, "Read-only file system", str(directory))
        return original(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)


@pytest.mark.parametrize("content", [b"", b"this is not a model" * 100])
def test_a_broken_model_is_named_together_with_the_fix(tmp_path: Path, content: bytes) -> None:
    directory = write_tiny_voice(tmp_path / "voice", tiny_vits())
    (directory / "tiny.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"voice voice: .*tiny\.onnx.*rtvi-local models pull voice"):
        prepare(directory)


def test_a_missing_model_is_named_together_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no \.onnx file .*rtvi-local models pull en_US-nobody"):
        prepare(tmp_path / "en_US-nobody")


@pytest.mark.models
def test_a_real_voice_splits_before_its_decoder(models_directory: Path) -> None:
    model = onnx.load(str(next((models_directory / "piper-en_US-joe-medium").glob("*.onnx"))))
    cut = find_cut(model.graph)
    assert (cut.frame_samples, cut.context_frames) == (256, 11)
    encoder, decoder = split(model)
    assert sum(node.op_type == "ConvTranspose" for node in encoder.graph.node) == 0
    assert [output.name for output in encoder.graph.output] == [cut.latent, cut.durations]
    assert len(decoder.graph.input) == 1
