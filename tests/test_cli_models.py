"""`rtvi-local models …` as a person meets it."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from rtvi_local.cli_models import register
from rtvi_local.model_store import ModelStore, NotAModel, UnknownModel
from tests.model_store.test_add import gguf, voice


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="rtvi-local")
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["models", *words])
    code = arguments.run(arguments)
    assert isinstance(code, int)
    return code


def test_list_shows_size_licence_presets_and_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--directory", str(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("qwen2.5-coder-0.5b")]
    assert line.split() == ["qwen2.5-coder-0.5b", "llm", "491", "MB", "missing", "laptop", "Apache-2.0"]


def test_list_says_what_all_of_it_takes_on_the_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("model.gguf", ".fast-1/model.gguf"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(b"?" * 2_000_000)
    (tmp_path / "mine" / "again").hardlink_to(tmp_path / "mine" / "model.gguf")
    assert run("list", "--directory", str(tmp_path)) == 0
    assert f"Kept in {tmp_path}, 4 MB with what was made of them." in capsys.readouterr().out


def test_an_added_model_is_listed_verified_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--directory", str(tmp_path / "models"))
    assert run("add", str(voice(tmp_path)), "--name", "me", *where) == 0
    assert 'models.tts = "me"' in capsys.readouterr().out
    assert run("list", *where) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("me ")]
    assert "installed" in line
    assert run("verify", *where) == 0
    (tmp_path / "models" / "me" / "xx_XX-me-medium.onnx").write_bytes(b"xnno")
    assert run("verify", *where) == 2
    assert "me: NOT RIGHT" in capsys.readouterr().out
    assert run("remove", "me", *where) == 0
    assert run("verify", *where) == 0
    assert "No model is installed" in capsys.readouterr().out


def test_verify_of_a_named_model_that_is_not_there_fails(tmp_path: Path) -> None:
    assert run("verify", "whisper-base", "--directory", str(tmp_path)) == 2


def test_remove_deletes_nothing_if_one_name_is_wrong(tmp_path: Path) -> None:
    where = ("--directory", str(tmp_path / "models"))
    run("add", str(voice(tmp_path)), "--name", "me", *where)
    with pytest.raises(UnknownModel):
        run("remove", "me", "nobody", *where)
    assert run("verify", "me", *where) == 0


def test_add_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotAModel):
        run("add", str(gguf(tmp_path).with_suffix(".txt")), "--directory", str(tmp_path / "models"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "qwen2.5-coder-0.5b"),
        (("--preset", "quality"), "qwen2.5-coder-1.5b"),
        (("smollm2-135m",), "smollm2-135m"),
    ],
)
def test_pull_takes_the_names_or_else_the_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected: str
) -> None:
    pulled: list[str] = []
    monkeypatch.setattr(ModelStore, "pull", lambda self, names, progress: pulled.extend(names))
    assert run("pull", "--no-prepare", *words, "--directory", str(tmp_path)) == 0
    assert expected in pulled
    assert (len(pulled) == 1) == (words == ("smollm2-135m",))


def test_control_c_says_that_the_pull_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: ModelStore, names: object, progress: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelStore, "pull", interrupted)
    assert run("pull", "--directory", str(tmp_path)) == 130
    assert "goes on from there" in capsys.readouterr().err
