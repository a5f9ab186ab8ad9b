"""Pictures from strangers: measured before they are decoded, upright, and no larger than a model can use.

Pillow is asked for four formats and no others: it knows some forty, and what cannot be opened cannot be attacked. It reads the
size from a file's header and decodes only when it is told to; a file of a kilobyte that says it is a gigapixel large costs
nothing but the reading of its header.
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from rtvi_local.errors import UserError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_PIXELS = 50_000_000
"""What a good telephone takes. A JPEG is decoded at a fraction of its size; others take 4 bytes a pixel for a moment."""
MAX_SIDE = 896
"""Longest side of what is kept, in pixels. Small vision models see 336 to 896 of them."""
_JPEG_QUALITY = 85
_DATA_URL = "data:"

Rgb = npt.NDArray[np.uint8]
"""Shape (height, width, 3)."""


class PictureError(UserError):
    """This is no picture that can be used. The text says why, for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is kept, sent and shown: a small upright JPEG."""

    jpeg: bytes
    width: int
    height: int

    @property
    def data_url(self) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def read_picture(data: bytes) -> Picture:
    """A file's first picture, upright (EXIF), on white where it is transparent, without any of its metadata. Takes up to a
    second: not for the event loop. Raises PictureError."""
    with warnings.catch_warnings():
        # Pillow's own limit is above ours; what it warns of otherwise (damaged EXIF) is no reason to refuse.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large()
                image.draft("RGB", (MAX_SIDE, MAX_SIDE))
                return _kept(ImageOps.exif_transpose(image))
        except UnidentifiedImageError:
            raise PictureError("This is not a picture that can be read here: JPEG, PNG, WebP and GIF can.") from None
        except Image.DecompressionBombError:
            raise _too_large() from None
        except PictureError:
            raise
        except Exception as error:  # what damaged files make decoders raise is not enumerable
            raise PictureError(f"The picture is damaged ({type(error).__name__}).") from error


def _too_large() -> PictureError:
    return PictureError(f"The picture is too large: at most {MAX_PIXELS // 1_000_000} million pixels are taken.")


def from_rgb(pixels: Rgb) -> Picture:
    """What a camera saw."""
    return _kept(Image.fromarray(pixels))


def to_rgb(data: bytes) -> Rgb:
    """The pixels of a picture for the model, bounded as in `read_picture`. Raises PictureError."""
    with Image.open(io.BytesIO(read_picture(data).jpeg)) as image:
        return np.asarray(image.convert("RGB"))


def from_data_url(url: str) -> bytes:
    """The bytes in a `data:` URL, or in plain base64. Raises PictureError."""
    if url.startswith(_DATA_URL):
        head, _, url = url.partition(",")
        if not head.endswith(";base64"):
            raise PictureError("A data: URL must be in base64.")
    try:
        return base64.b64decode(url, validate=True)
    except (binascii.Error, ValueError):
        raise PictureError("The bytes are not valid base64.") from None


def _kept(image: Image.Image) -> Picture:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        image = Image.new("RGB", opaque.size, "white")
        image.paste(opaque, mask=opaque)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    image = image.convert("RGB")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY)
    return Picture(file.getvalue(), image.width, image.height)
