"""`rtvi-local serve` as a process with a model that cannot be used: one message with the model and the fix, and exit code 2."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rtvi_local.bench.server_process import free_port
from tests.engines.tiny_gguf import write_gguf

pytestmark = pytest.mark.models

LLM, VOICE, VAD = "qwen2.5-coder-0.5b", "piper-en_US-joe-medium", "silero-vad-v6"
USER_ERROR = 2


@pytest.fixture
def store(tmp_path: Path, models_directory: Path) -> Path:
    """A models folder with links to the real models, for a test to break one of them."""
    folder = tmp_path / "models"
    folder.mkdir()
    for model in models_directory.iterdir():
        if not model.name.startswith("."):
            (folder / model.name).symlink_to(model)
    shutil.copy(models_directory / ".verified.json", folder)
    return folder


def rtvi_local(*arguments: str | Path, store: Path, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-m", "rtvi_local", *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "RTVI_LOCAL_MODELS_DIRECTORY": str(store)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refusal(store: Path, tmp_path: Path, *, before: Sequence[str] = (), **models: str) -> str:
    """Why `serve` does not start; `models` are settings of that name."""
    config = tmp_path / "config.toml"
    config.write_text("[models]\n" + "".join(f'{key} = "{name}"\n' for key, name in models.items()))
    done = rtvi_local("serve", "--config", config, "--port", str(free_port()), store=store, before=before)
    assert done.returncode == USER_ERROR, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    *log, message = done.stderr.splitlines()
    assert all(" rtvi_local." in line for line in log), done.stderr
    return message


def own_copy(store: Path, model: str) -> Path:
    """The folder of a model whose files can be changed without harm."""
    folder = store / model
    whole = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for file in whole.iterdir():
        if file.is_file():
            shutil.copy2(file, folder)
    return folder


def added(store: Path, path: Path) -> str:
    """The name of a model that was added to the store with the command for that."""
    done = rtvi_local("models", "add", path, "--no-prepare", store=store)
    assert done.returncode == 0, done.stderr
    return path.stem


def test_a_missing_file(store: Path, tmp_path: Path) -> None:
    next(own_copy(store, VAD).glob("*.onnx")).unlink()
    message = refusal(store, tmp_path)
    assert f"The model {VAD} is not complete" in message
    assert f"rtvi-local models pull {VAD}" in message


def test_a_file_that_was_cut_off(store: Path, tmp_path: Path) -> None:
    path = next(own_copy(store, VOICE).glob("*.onnx"))
    with path.open("r+b") as file:
        file.truncate(1_000_000)
    message = refusal(store, tmp_path)
    assert VOICE in message
    assert "has 1000000 bytes instead of" in message
    assert f"rtvi-local models pull {VOICE}" in message


def test_a_file_of_the_right_length_with_a_wrong_byte_in_it(store: Path, tmp_path: Path) -> None:
    path = next(own_copy(store, VAD).glob("*.onnx"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    message = refusal(store, tmp_path)
    assert VAD in message
    assert "sha256" in message
    assert f"rtvi-local models pull {VAD}" in message


def test_a_language_model_of_a_kind_that_is_not_known(store: Path, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "teapot-1b.gguf", {"general.architecture": "teapot"}, [])
    message = refusal(store, tmp_path, llm=added(store, path))
    assert "teapot-1b.gguf cannot be loaded (" in message
    assert "unknown model architecture: 'teapot'" in message
    assert "choose another (models.llm)" in message


def test_a_voice_that_is_another_kind_of_model(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "mute.onnx"
    shutil.copy(next((store / VAD).glob("*.onnx")), path)
    shutil.copy(next((store / VOICE).glob("*.onnx.json")), tmp_path / "mute.onnx.json")
    message = refusal(store, tmp_path, tts=added(store, path))
    assert "voice mute: " in message
    assert "choose another voice (models.tts)" in message


def test_a_transcription_model_that_breaks_off(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deaf"
    folder.mkdir()
    for file in (store / "whisper-base").iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "model.bin").unlink()
    (folder / "model.bin").write_bytes(struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + bytes(1000))
    message = refusal(store, tmp_path, stt=added(store, folder))
    assert "deaf: its files are broken or of another kind than expected" in message
    assert "choose another model" in message


@pytest.mark.skipif(sys.platform != "linux", reason="how much memory is free is only known on Linux")
def test_too_little_memory(store: Path, tmp_path: Path) -> None:
    message = refusal(store, tmp_path, before=["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh"])
    assert "of memory, and" in message
    assert LLM in message
    assert "--preset tiny" in message
