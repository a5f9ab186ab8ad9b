"""How the bot sees: the newest picture of the client's camera, or of its screen, for the model, and for the client to show."""

from __future__ import annotations

from collections.abc import Callable

from rtvi_local.engines.interfaces import LanguageModel
from rtvi_local.images.content import image_part, text_part
from rtvi_local.images.picture import Picture
from rtvi_local.pipeline.frames import Image
from rtvi_local.tools.tool import ToolError
from rtvi_local.transports.interface import Transport
from rtvi_local.transports.pictures import NoPicture, Source

_CANNOT_SEE = "You cannot see: your model has no eyes. Tell the user so, and don't invent what there might be to see."


class Looking:
    """One conversation's."""

    def __init__(self, transport: Transport, model: Callable[[], LanguageModel], show: Callable[[Image], None]) -> None:
        self._transport = transport
        self._model = model
        self._show = show

    def can_see(self, source: Source) -> bool:
        """The client may show it, and the model can look at it."""
        return self._model().sees and source in self._transport.sources

    async def look(self) -> object:
        """The content of a message that shows what is to be seen now. Raises ToolError, NoPicture for the model."""
        if not self._model().sees:
            raise ToolError(_CANNOT_SEE)
        source, picture = await self._newest()
        self._show(Image(picture, source))
        return [text_part(f"What the user's {source} shows now:"), image_part(picture)]

    async def _newest(self) -> tuple[Source, Picture]:
        try:
            return "camera", await self._transport.look("camera")
        except NoPicture as no_camera:
            try:
                return "screen", await self._transport.look("screen")
            except NoPicture:
                raise no_camera from None
