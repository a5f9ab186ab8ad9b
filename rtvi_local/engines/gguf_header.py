"""The tensors of a GGUF file, read from its header: llama.cpp names them only while it loads all of it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Type of a metadata value → bytes."""


class BadHeader(Exception):
    """This is no GGUF file, or one that was cut off or damaged."""


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    """The length of a row first."""
    type: int
    """As ggml numbers them (GGML_TYPE_…)."""
    bytes: int
    """On disk, padding included."""
    start: int = field(default=0, compare=False)
    """Where in the file, up to the padding behind the header."""


def read_tensors(path: Path) -> list[Tensor]:
    """Every tensor of a file, in the file's order. Raises BadHeader, OSError."""
    with path.open("rb") as file:
        try:
            return _tensors(_Reader(file, path.stat().st_size))
        except (struct.error, UnicodeDecodeError, OverflowError) as error:
            raise BadHeader(f"{path.name}: the header is damaged ({error})") from error
        except BadHeader as error:
            raise BadHeader(f"{path.name}: {error}") from None


class _Reader:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size

    def number(self, code: str) -> int:
        size = struct.calcsize("<" + code)
        return int(struct.unpack("<" + code, self.file.read(size))[0])

    def skip(self, count: int) -> None:
        # A seek past the end succeeds, so a damaged length would only show much later, and as something else.
        if self.file.tell() + count > self.size:
            raise BadHeader("the header reaches past the end of the file")
        self.file.seek(count, 1)

    def text(self) -> str:
        length = self.number("Q")
        if length > self.size:
            raise BadHeader("the header reaches past the end of the file")
        return self.file.read(length).decode()

    def skip_value(self, kind: int) -> None:
        if kind == _STRING:
            self.skip(self.number("Q"))
        elif kind == _ARRAY:
            inner, count = self.number("I"), self.number("Q")
            if inner in _SIZES:
                self.skip(count * _SIZES[inner])
            else:
                for _ in range(count):
                    self.skip_value(inner)
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise BadHeader(f"metadata of an unknown type ({kind})")


def _tensors(reader: _Reader) -> list[Tensor]:
    if reader.file.read(4) != b"GGUF":
        raise BadHeader("not a GGUF file")
    if (version := reader.number("I")) not in (2, 3):
        raise BadHeader(f"GGUF version {version} is not known")
    count, keys = reader.number("Q"), reader.number("Q")
    for _ in range(keys):
        reader.skip(reader.number("Q"))
        reader.skip_value(reader.number("I"))
    found: list[tuple[int, str, tuple[int, ...], int]] = []
    for _ in range(count):
        name = reader.text()
        shape = tuple(reader.number("Q") for _ in range(reader.number("I")))
        kind, offset = reader.number("I"), reader.number("Q")
        found.append((offset, name, shape, kind))
    found.sort()
    begin = reader.file.tell()
    starts = [offset for offset, *_ in found] + [reader.size - begin]
    return [
        Tensor(name, shape, kind, starts[index + 1] - offset, begin + offset)
        for index, (offset, name, shape, kind) in enumerate(found)
    ]
