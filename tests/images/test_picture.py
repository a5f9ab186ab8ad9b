from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from rtvi_local.images.picture import MAX_SIDE, PictureError, from_data_url, from_rgb, read_picture, to_rgb

RED, BLUE = (220, 30, 30), (30, 30, 220)


def picture(width: int = 60, height: int = 40, *, form: str = "JPEG", orientation: int = 1, mode: str = "RGB") -> bytes:
    """Red above, blue below, as its pixels lie in the file."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.convert(mode).save(file, form, **({} if form == "GIF" else {"exif": exif.tobytes()}))
    return file.getvalue()


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(np.asarray(pixel, int) - colour).max() < 40)


def png_that_says(width: int, height: int) -> bytes:
    """A file of 67 bytes with a header for as many pixels as one likes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_form_is_read(form: str) -> None:
    read = read_picture(picture(form=form))
    pixels = to_rgb(read.jpeg)
    assert (read.width, read.height) == (60, 40) == pixels.shape[1::-1]
    assert near(pixels[5, 30], RED)
    assert near(pixels[35, 30], BLUE)


@pytest.mark.parametrize(
    ("orientation", "red_at"), [(1, (5, 5)), (3, (-5, 5)), (6, (5, -5)), (8, (5, 5)), (2, (5, 5)), (4, (-5, 5))]
)
def test_a_telephone_held_on_its_side_gives_an_upright_picture(orientation: int, red_at: tuple[int, int]) -> None:
    pixels = to_rgb(read_picture(picture(orientation=orientation)).jpeg)
    assert pixels.shape[:2] == ((60, 40) if orientation > 4 else (40, 60))
    assert near(pixels[red_at], RED)


def test_what_is_kept_is_small_and_says_nothing_of_where_it_was_taken() -> None:
    read = read_picture(picture(4000, 3000, orientation=6))
    assert max(read.width, read.height) == MAX_SIDE
    with Image.open(io.BytesIO(read.jpeg)) as image:
        assert not image.getexif()


def test_transparent_is_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(file, "PNG")
    assert near(to_rgb(read_picture(file.getvalue()).jpeg)[10, 10], (255, 255, 255))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1"])
def test_other_colour_models_are_read(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert near(to_rgb(read_picture(picture(form=form, mode=mode)).jpeg)[35, 30], BLUE) or mode in ("L", "1")


@pytest.mark.parametrize("size", [(30_000, 30_000), (10_000, 6_000)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureError, match="at most 50 million pixels"):
        read_picture(png_that_says(*size))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture()[:200], bytes(5000)])
def test_what_is_no_picture_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(PictureError):
        read_picture(data)


def test_a_rare_form_is_not_even_tried() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "TIFF")
    with pytest.raises(PictureError, match="JPEG, PNG, WebP and GIF"):
        read_picture(file.getvalue())


def test_base64_comes_bare_or_as_a_data_url() -> None:
    kept = from_rgb(np.full((8, 16, 3), 200, np.uint8))
    assert from_data_url(kept.data_url) == kept.jpeg == from_data_url(kept.data_url.partition(",")[2])
    for url in ("data:image/png,abc", "data:image/png;base64,***", "http://example.com/a.png"):
        with pytest.raises(PictureError):
            from_data_url(url)
