"""What a transport can show of the client's camera and screen."""

from __future__ import annotations

from typing import Literal

from rtvi_local.errors import UserError
from rtvi_local.images.picture import Picture

Source = Literal["camera", "screen"]


class NoPicture(UserError):
    """There is nothing to see. The text says why, for the model to tell."""


class Blind:
    """The part of a Transport that carries sound and messages only."""

    sources: frozenset[Source] = frozenset()
    silence_is_quiet = False

    @property
    def unsent_frames(self) -> int:
        return 0

    async def look(self, source: Source) -> Picture:
        raise NoPicture(f"This connection carries no picture of the user's {source}.")
