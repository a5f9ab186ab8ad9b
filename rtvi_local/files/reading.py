"""What the model gets of a file: a picture, or its text. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from rtvi_local.errors import UserError
from rtvi_local.images.picture import Picture, read_picture

_KEPT_CONTROLS = "\t\n\r\f"


class FileError(UserError):
    """A file that cannot be used. The text says why, for whoever sent it."""


@dataclass(frozen=True, slots=True)
class TextFile:
    name: str
    text: str

    def in_words(self) -> str:
        """As it stands in the context."""
        return f"(The file {self.name}:)\n{self.text}" if self.name else f"(A file:)\n{self.text}"


def read_file(data: bytes, *, format: str, name: str = "") -> Picture | TextFile:
    """`format` is the sender's word (a MIME type): a picture is only taken for one if it says so, everything else is text or
    nothing. Takes up to a second for a picture. Raises FileError, PictureError."""
    if format.strip().lower().startswith("image/"):
        return read_picture(data)
    called = f"{name or 'The file'} ({format[:60]})"
    text = _text(data)
    if text is None:
        raise FileError(f"{called} cannot be read: pictures (JPEG, PNG, WebP, GIF) and files of plain text can.")
    if not text.strip():
        raise FileError(f"{called} is empty.")
    return TextFile(" ".join(name.split())[:100], text.strip())


def _text(data: bytes) -> str | None:
    """Unicode text, whatever its MIME type: sources, tables and letters come under too many to list. None for all else."""
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    if any(unicodedata.category(letter) == "Cc" and letter not in _KEPT_CONTROLS for letter in set(text)):
        return None
    return text.replace("\r\n", "\n")
