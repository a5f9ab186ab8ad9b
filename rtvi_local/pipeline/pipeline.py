"""A pipeline: stages in a row, and observers that see each frame once, where it is emitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtvi_local.pipeline.frames import Frame
from rtvi_local.pipeline.stage import Stage

Observer = Callable[[Frame], None]


class Pipeline:
    """Joins the stages: what one emits or forwards, the next receives."""

    def __init__(self, stages: Sequence[Stage], observers: Sequence[Observer] = ()) -> None:
        self._stages = tuple(stages)
        self._observers = list(observers)
        for stage, following in zip(self._stages, [*self._stages[1:], None], strict=True):
            forward = _ignore if following is None else following.receive
            stage.forward = forward
            stage.emit = self._emitter(forward)

    def _emitter(self, forward: Observer) -> Observer:
        def emit(frame: Frame) -> None:
            for observe in self._observers:
                observe(frame)
            forward(frame)

        return emit

    def observe_with(self, observer: Observer) -> None:
        self._observers.append(observer)

    def push(self, frame: Frame) -> None:
        """Let a frame in at the top. It is not observed: whoever pushes it knows it."""
        self._stages[0].receive(frame)

    async def close(self) -> None:
        for stage in self._stages:
            await stage.close()


def _ignore(frame: Frame) -> None:
    del frame
