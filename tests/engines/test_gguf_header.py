"""What a GGUF file's header says of its tensors, and what a damaged one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtvi_local.engines.gguf_header import BadHeader, Tensor, read_tensors
from tests.engines.tiny_gguf import F32, Q5_0, Q8_0, tiny_llama, write_gguf

METADATA = {"a": "text", "b": 7, "c": 0.5, "d": ["one", "", "three"], "e": [1, 2], "f": [["nested"], ["lists", "too"]]}


def test_names_shapes_types_and_sizes_are_those_of_the_file(tmp_path: Path) -> None:
    tensors = [("x", (64, 2), Q5_0), ("y.weight", (32,), F32), ("z", (32, 3), Q8_0)]
    found = read_tensors(write_gguf(tmp_path / "m.gguf", METADATA, tensors))
    assert found[:2] == [Tensor("x", (64, 2), Q5_0, 96), Tensor("y.weight", (32,), F32, 128)]  # 88 bytes, padded to 96
    assert found[2].name == "z" and found[2].bytes >= 3 * 34


def test_a_file_without_tensors_has_none(tmp_path: Path) -> None:
    assert read_tensors(write_gguf(tmp_path / "m.gguf", METADATA, [])) == []


def test_every_header_that_breaks_off_is_an_error_and_never_another_answer(tmp_path: Path) -> None:
    whole = tiny_llama(tmp_path / "m.gguf").read_bytes()
    header = whole.index(b"output.weight") + len("output.weight") + 4 + 16 + 4 + 8
    for length in (*range(0, header, 7), header - 1):
        (tmp_path / "cut.gguf").write_bytes(whole[:length])
        with pytest.raises(BadHeader, match=r"cut\.gguf: "):
            read_tensors(tmp_path / "cut.gguf")


@pytest.mark.parametrize(
    ("content", "says"), [(b"<html>not found</html>", "not a GGUF"), (b"GGUF" + b"\xff" * 60, "version 4294967295")]
)
def test_something_else_is_an_error(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(BadHeader, match=says):
        read_tensors(tmp_path / "m.gguf")


def test_lengths_that_lie_are_noticed_without_reading_that_much(tmp_path: Path) -> None:
    whole = bytearray(tiny_llama(tmp_path / "m.gguf").read_bytes())
    whole[24:32] = b"\xff" * 8  # the length of the first key
    (tmp_path / "m.gguf").write_bytes(whole)
    with pytest.raises(BadHeader):
        read_tensors(tmp_path / "m.gguf")
