"""A stage: frames in, frames out. The registry turns names on the wire into stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rtvi_local.pipeline.frames import Frame


def _nowhere(frame: Frame) -> None:
    del frame


class Stage:
    """One step of a pipeline. Subclasses override `receive`; what they don't know they pass on.

    Everything here runs on the event loop and returns at once: a stage that has long work to do starts a task and emits when
    it has something. So a frame crosses the whole pipeline without a queue, and order is the order of calls.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        self.emit: Callable[[Frame], None] = _nowhere
        """Send a new frame down the pipeline; observers see it too."""
        self.forward: Callable[[Frame], None] = _nowhere
        """Pass on a frame that somebody else emitted; observers have seen it already."""

    def receive(self, frame: Frame) -> None:
        self.forward(frame)

    async def close(self) -> None:
        """End all work that is still going on. May be called more than once."""
