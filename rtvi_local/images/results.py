"""Pictures among what tools found out: for a model that sees they become what all pictures are, for another one words."""

from __future__ import annotations

from rtvi_local.engines.worker import Worker
from rtvi_local.images.content import Part, image_part, image_url, is_image, parts, text_part
from rtvi_local.images.picture import PictureError, from_data_url, read_picture

UNSEEN = "(a picture, which you cannot see: tell the user so, and don't invent what it shows)"

_reading = Worker("picture-reader")
"""One at a time for all conversations, as files are."""


async def fit_for(content: object, *, sees: bool) -> object:
    """The content of a tool's message as a model can take it, which `sees` or doesn't."""
    found = parts(content)
    if found is None or not any(is_image(part) for part in found):
        return content
    if not sees:
        return "\n".join(UNSEEN if is_image(part) else str(part.get("text", "")) for part in found)
    return [await _read(part) if is_image(part) else part for part in found]


async def _read(part: Part) -> Part:
    try:
        return image_part(await _reading.run(lambda: read_picture(from_data_url(image_url(part)))))
    except PictureError as error:
        return text_part(f"(a picture that cannot be shown: {error})")
