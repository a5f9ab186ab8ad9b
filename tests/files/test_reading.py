from __future__ import annotations

import io

import pytest
from PIL import Image

from rtvi_local.files.reading import FileError, TextFile, read_file
from rtvi_local.images.picture import Picture, PictureError


def test_a_picture_is_one_if_its_sender_says_so() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    assert isinstance(read_file(file.getvalue(), format="image/png"), Picture)
    with pytest.raises(FileError, match="cannot be read"):
        read_file(file.getvalue(), format="text/plain")
    with pytest.raises(PictureError):
        read_file(b"<svg/>", format="image/svg+xml")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\r\ntwo\n", "one\ntwo"),
        ("\ufeffHäuser".encode(), "Häuser"),
        ("Häuser".encode("utf-16"), "Häuser"),
        (b'{"a": 1}', '{"a": 1}'),
    ],
)
def test_text_of_every_kind_is_read(data: bytes, text: str) -> None:
    assert read_file(data, format="application/octet-stream", name="a.txt") == TextFile("a.txt", text)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n\x00\x01", b"\xff\xfe\xfd", bytes(range(256)), b"PK\x03\x04"])
def test_what_is_neither_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(FileError, match=r"paper\.pdf \(application/pdf\) cannot be read: pictures"):
        read_file(data, format="application/pdf", name="paper.pdf")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(FileError, match="is empty"):
        read_file(b" \n", format="text/plain", name="a.txt")


def test_a_file_stands_under_its_name_in_the_context() -> None:
    assert TextFile("a.txt", "one").in_words() == "(The file a.txt:)\none"
    assert TextFile("", "one").in_words() == "(A file:)\none"
