"""What concerns the session, beside what is said in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtvi_local.config import Config
    from rtvi_local.engines.interfaces import ModelSession
    from rtvi_local.images.picture import Picture
    from rtvi_local.pipeline.engines import Engines


@dataclass(frozen=True, slots=True)
class Configured:
    """Options have changed. Pushed in at the top; each stage takes what concerns it, for the work that it begins from now on.
    The `session` is one of `engines.language_model`; whoever has another one closes that when it is no longer used."""

    config: Config
    engines: Engines
    session: ModelSession


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for the client to show: what the model was shown of the client's camera or screen, or what a tool found."""

    picture: Picture
    source: str
    """"camera", "screen", or the tool's name."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong that the client should be told, in words that say what to do."""

    message: str
    fatal: bool = False
