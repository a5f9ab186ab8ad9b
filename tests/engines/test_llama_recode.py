"""Faster weights: made once, whole or not at all, used only if they are what was made of this model."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rtvi_local.engines import llama, llama_loading, llama_recode
from rtvi_local.engines.gguf_header import read_tensors
from rtvi_local.engines.interfaces import EngineError, Message
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.engines.llama_loading import Loaded, find_gguf
from rtvi_local.engines.llama_recode import find_recoded, forget_recoded, needs_recoding, recode
from tests.engines.tiny_gguf import IQ4_NL, Q5_0, Q8_0, tiny_llama, write_gguf

SLOW, FAST = ("blk.0.ffn_up.weight", (64, 64), Q5_0), ("blk.0.ffn_down.weight", (64, 64), Q8_0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "me").mkdir()
    return tiny_llama(tmp_path / "me" / "me.gguf")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def ignore(part: float) -> None:
    pass


def left_over(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each != path)


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ([SLOW], True),
        ([FAST], False),
        ([SLOW, (FAST[0], (64, 640), Q8_0)], False),
        ([FAST, (SLOW[0], (64, 640), Q5_0)], True),
        ([FAST, ("token_embd.weight", (64, 9600), Q5_0)], False),
        ([], False),
    ],
)
def test_a_model_needs_it_if_most_of_its_layers_is_slow(
    tmp_path: Path, tensors: list[tuple[str, tuple[int, ...], int]], expected: bool
) -> None:
    assert needs_recoding(write_gguf(tmp_path / "m.gguf", {"a": 1}, tensors)) is expected


def test_what_is_no_model_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"nothing")
    assert not needs_recoding(tmp_path / "m.gguf")
    assert not needs_recoding(tmp_path / "nobody.gguf")


def test_slow_weights_get_a_fast_type_and_all_others_stay_as_they_are(model: Path, cache: Path) -> None:
    parts: list[float] = []
    made = recode(model, parts.append, cache_directory=cache)
    before = {tensor.name: tensor.type for tensor in read_tensors(model)}
    after = {tensor.name: tensor.type for tensor in read_tensors(made)}
    assert after == {name: IQ4_NL if kind == Q5_0 else kind for name, kind in before.items()}
    assert not needs_recoding(made)
    assert parts == sorted(parts) and parts[-1] == 1
    assert made.parent.parent == model.parent and not cache.exists()


def test_it_is_made_once(model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_recoded(model, cache_directory=cache) is None
    made = recode(model, ignore, cache_directory=cache)
    monkeypatch.setattr(llama_recode, "_run", None)
    assert recode(model, ignore, cache_directory=cache) == made == find_recoded(model, cache_directory=cache)


def test_a_model_that_was_exchanged_gets_its_own(model: Path, cache: Path) -> None:
    made = recode(model, ignore, cache_directory=cache)
    tiny_llama(model).write_bytes(model.read_bytes() + bytes(32))
    assert find_recoded(model, cache_directory=cache) is None
    assert recode(model, ignore, cache_directory=cache) != made


def test_a_copied_folder_is_recognised_by_its_content(model: Path, cache: Path) -> None:
    recode(model, ignore, cache_directory=cache)
    moved = shutil.copytree(model.parent, model.parent.with_name("elsewhere"), copy_function=shutil.copyfile)
    assert find_recoded(moved / model.name, cache_directory=cache) is not None


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "no record"])
def test_damaged_weights_are_not_used_and_are_made_anew(
    model: Path, cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    made = recode(model, ignore, cache_directory=cache)
    content = made.read_bytes()
    match damage:
        case "cut":
            made.write_bytes(content[:-1])
        case "changed":
            made.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "gone":
            made.unlink()
        case _:
            made.with_name("made.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert find_recoded(model, cache_directory=cache) is None
    assert "models pull me" in caplog.text
    assert recode(model, ignore, cache_directory=cache).read_bytes() == content


def test_damage_behind_the_same_time_is_found_when_asked_afresh(model: Path, cache: Path) -> None:
    made = recode(model, ignore, cache_directory=cache)
    status, content = made.stat(), made.read_bytes()
    made.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find_recoded(model, cache_directory=cache) == made
    assert find_recoded(model, cache_directory=cache, afresh=True) is None


def test_where_the_folder_cannot_be_written_the_cache_keeps_it(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp

    def refuse(*, prefix: str, dir: Path) -> str:
        if dir == model.parent:
            raise PermissionError(13, "Permission denied", str(dir))  # as root, the tests could write anywhere
        return make(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    made = recode(model, ignore, cache_directory=cache)
    assert made.is_relative_to(cache)
    assert find_recoded(model, cache_directory=cache) == made
    forget_recoded(model, cache_directory=cache)
    assert find_recoded(model, cache_directory=cache) is None and not any(cache.iterdir())


def test_an_interruption_leaves_nothing(model: Path, cache: Path) -> None:
    def interrupt(part: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recode(model, interrupt, cache_directory=cache)
    assert left_over(model) == []


def test_what_a_killed_call_left_is_swept_but_not_what_another_is_writing(model: Path, cache: Path) -> None:
    dead, alive = (model.parent / f".recoding-{process}-x" for process in (2**22 + 1, os.getpid()))
    for folder in (dead, alive):
        folder.mkdir()
    recode(model, ignore, cache_directory=cache)
    assert not dead.exists() and alive.exists()


def test_too_little_room_is_noticed_before(model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_recode, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(EngineError, match=r"free that faster weights of me\.gguf need"):
        recode(model, ignore, cache_directory=cache)
    assert left_over(model) == []


def test_a_file_that_llama_cpp_refuses_is_an_error_with_its_reason(tmp_path: Path, cache: Path) -> None:
    odd = write_gguf(tmp_path / "odd.gguf", {"general.architecture": "teapot"}, [SLOW])
    with pytest.raises(EngineError, match=r"odd\.gguf could not be written in a faster type \(.*teapot.*\)"):
        recode(odd, ignore, cache_directory=cache)
    assert left_over(odd) == []


def test_forgetting_deletes_all_that_was_made(model: Path, cache: Path) -> None:
    recode(model, ignore, cache_directory=cache)
    forget_recoded(model, cache_directory=cache)
    assert left_over(model) == []


QUESTIONS = {
    "What is the capital of France?": "paris",
    "Who wrote Romeo and Juliet?": "shakespeare",
    "How many days has a week?": "seven|7",
    "What colour is the sky on a clear day?": "blue",
}


def answer(model: LlamaModel, question: str) -> str:
    messages: list[Message] = [
        {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."},
        {"role": "user", "content": question},
    ]

    async def collect() -> str:
        session = model.open_session()
        try:
            return "".join([piece async for piece in session.reply(messages, max_tokens=40, temperature=0)])
        finally:
            session.close()

    return asyncio.run(asyncio.wait_for(collect(), 120))


def load(directory: Path, *, recoded: bool = True) -> LlamaModel:
    return LlamaModel.load(directory, device="cpu", threads=2, context_tokens=512, sessions=1, recoded=recoded)


@pytest.fixture(scope="module")
def prepared(models_directory: Path) -> Path:
    """The default model with its faster copy. `make test` has it made by `models pull`."""
    directory = models_directory / "qwen2.5-coder-0.5b"
    if find_recoded(find_gguf(directory)) is None:
        pytest.skip(f"FASTER WEIGHTS ARE NOT TESTED: run `rtvi-local models pull {directory.name}` first")
    return directory


@pytest.mark.models
def test_the_faster_weights_are_what_is_loaded_and_they_still_know_things(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[Path] = []

    def watched(path: Path, **options: Any) -> Loaded:
        paths.append(path)
        return llama_loading.load(path, **options)

    monkeypatch.setattr(llama, "load", watched)
    model = load(prepared)
    try:
        assert model.model_name == find_gguf(prepared).stem
        for question, expected in QUESTIONS.items():
            said = answer(model, question).lower()
            assert any(word in said for word in expected.split("|")), (question, said)
    finally:
        model.close()
    load(prepared, recoded=False).close()
    assert paths == [find_recoded(find_gguf(prepared)), find_gguf(prepared)]


@pytest.mark.models
def test_faster_weights_that_llama_cpp_refuses_are_replaced_by_the_original(
    tmp_path: Path, prepared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "model.gguf"
    source.symlink_to(find_gguf(prepared))
    fast = tmp_path / f".fast-{llama_recode.FORMAT}-0"
    fast.mkdir()
    (fast / "model.gguf").write_bytes(b"GGUF" + bytes(100))
    states = {"source": llama_recode._state(source, "-"), "model": llama_recode._state(fast / "model.gguf")}
    (fast / "made.json").write_text(json.dumps(states))
    with caplog.at_level(logging.WARNING):
        model = load(tmp_path)
    try:
        assert "faster weights are not used" in caplog.text
        assert "paris" in answer(model, "What is the capital of France?").lower()
    finally:
        model.close()
