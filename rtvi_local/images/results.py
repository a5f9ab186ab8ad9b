"""Pictures among what tools found out: the client is shown them; for a model that sees they become what all pictures are, for
another one words."""

from __future__ import annotations

from collections.abc import Callable

from rtvi_local.engines.worker import Worker
from rtvi_local.images.content import Part, image_part, image_url, is_image, parts, text_part
from rtvi_local.images.picture import Picture, PictureError, from_data_url, read_picture

UNSEEN = "(a picture, which was sent to the user's screen and which you cannot see: say so, and don't invent what it shows)"

_reading = Worker("picture-reader")
"""One at a time for all conversations, as files are."""


async def fit_for(content: object, *, sees: bool, show: Callable[[Picture], None]) -> object:
    """The content of a tool's message as a model can take it, which `sees` or doesn't. Every picture is shown to the client."""
    found = parts(content)
    if found is None or not any(is_image(part) for part in found):
        return content
    fit = [await _read(part, sees, show) if is_image(part) else part for part in found]
    return fit if sees else "\n".join(str(part.get("text", "")) for part in fit)


async def _read(part: Part, sees: bool, show: Callable[[Picture], None]) -> Part:
    try:
        picture = await _reading.run(lambda: read_picture(from_data_url(image_url(part))))
    except PictureError as error:
        return text_part(f"(a picture that cannot be shown: {error})")
    show(picture)
    return image_part(picture) if sees else text_part(UNSEEN)
