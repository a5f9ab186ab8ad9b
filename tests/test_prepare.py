"""What is made of models when they are installed, and that it goes when they go."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rtvi_local.config import Models
from rtvi_local.engines.llama_recode import find_recoded
from rtvi_local.prepare import forget, is_whole, prepare
from tests.engines.tiny_gguf import Q8_0, tiny_llama
from tests.engines.tiny_vits import tiny_vits, write_tiny_voice
from tests.test_cli_models import run

CPU = Models(device="cpu")


def prepared(kind: str, directory: Path, settings: Models = CPU) -> str:
    stream = io.StringIO()
    prepare(kind, directory, settings, stream)
    return stream.getvalue()


def test_slow_weights_are_written_anew_once_and_it_is_said_why(tmp_path: Path) -> None:
    path = tiny_llama(tmp_path / "me.gguf")
    assert "type that CPUs compute slowly" in prepared("llm", tmp_path)
    assert find_recoded(path) is not None
    assert prepared("llm", tmp_path) == ""


def test_weights_that_are_fast_are_left_alone(tmp_path: Path) -> None:
    path = tiny_llama(tmp_path / "me.gguf", weights=Q8_0)
    assert prepared("llm", tmp_path) == ""
    assert [*tmp_path.iterdir()] == [path]


def test_the_setting_switches_it_off(tmp_path: Path) -> None:
    path = tiny_llama(tmp_path / "me.gguf")
    assert prepared("llm", tmp_path, Models(device="cpu", recode=False)) == ""
    assert find_recoded(path) is None


def test_a_voice_is_split_once(tmp_path: Path) -> None:
    write_tiny_voice(directory := tmp_path / "voice", tiny_vits())
    assert "split in two" in prepared("tts", directory)
    assert any(directory.glob(".split-*/decoder.onnx"))
    assert prepared("tts", directory) == ""


def test_a_model_that_cannot_be_prepared_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "me.onnx").write_bytes(b"nothing")
    assert "not prepared" in prepared("tts", tmp_path)


def test_forgetting_leaves_what_came_with_the_model(tmp_path: Path) -> None:
    path = tiny_llama(tmp_path / "me.gguf")
    prepared("llm", tmp_path)
    forget("llm", tmp_path)
    assert [*tmp_path.iterdir()] == [path]


def test_only_damage_is_not_whole(tmp_path: Path) -> None:
    path = tiny_llama(tmp_path / "me.gguf")
    assert is_whole("llm", tmp_path)
    prepared("llm", tmp_path)
    assert is_whole("llm", tmp_path)
    made = find_recoded(path)
    assert made is not None
    made.write_bytes(b"GGUF")
    assert not is_whole("llm", tmp_path)


def test_add_prepares_verify_looks_and_remove_forgets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--directory", str(tmp_path / "models"))
    assert run("add", str(tiny_llama(tmp_path / "me.gguf")), *where) == 0
    made = find_recoded(tmp_path / "models" / "me" / "me.gguf")
    assert made is not None
    assert run("verify", "me", *where) == 0
    made.write_bytes(b"GGUF")
    assert run("verify", "me", *where) == 2
    assert "rtvi-local models pull me" in capsys.readouterr().out
    assert run("pull", "me", *where) == 0
    assert run("verify", "me", *where) == 0
    assert run("remove", "me", *where) == 0
    assert not made.parent.exists()


def test_no_prepare_only_installs(tmp_path: Path) -> None:
    where = ("--directory", str(tmp_path / "models"))
    assert run("add", str(tiny_llama(tmp_path / "me.gguf")), "--no-prepare", *where) == 0
    assert [each.name for each in (tmp_path / "models" / "me").iterdir()] == ["me.gguf"]
    assert run("pull", "me", "--no-prepare", *where) == 0
    assert [each.name for each in (tmp_path / "models" / "me").iterdir()] == ["me.gguf"]
