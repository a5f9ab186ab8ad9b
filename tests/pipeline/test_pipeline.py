from __future__ import annotations

import asyncio
from typing import ClassVar

from rtvi_local.pipeline.frames import Frame, ReplyEnded, ReplyStarted, ReplyToken
from rtvi_local.pipeline.pipeline import Pipeline
from rtvi_local.pipeline.stage import Stage


class Doubler(Stage):
    name: ClassVar[str] = "doubler"

    def receive(self, frame: Frame) -> None:
        self.forward(frame)
        if isinstance(frame, ReplyToken):
            self.emit(frame)


class Sink(Stage):
    name: ClassVar[str] = "sink"

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.closed = 0

    def receive(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.forward(frame)

    async def close(self) -> None:
        self.closed += 1


def test_frames_pass_in_order_and_observers_see_each_new_one_once() -> None:
    seen: list[Frame] = []
    sink = Sink()
    pipeline = Pipeline([Doubler(), sink], [seen.append])
    for frame in (ReplyStarted(1), ReplyToken("a", 1), ReplyEnded(1)):
        pipeline.push(frame)
    assert sink.frames == [ReplyStarted(1), ReplyToken("a", 1), ReplyToken("a", 1), ReplyEnded(1)]
    assert seen == [ReplyToken("a", 1)]
    asyncio.run(pipeline.close())
    assert sink.closed == 1
