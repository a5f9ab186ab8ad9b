from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rtvi_local import virtual_clock
from rtvi_local.transports.outbox import MOST_AUDIO_FRAMES, MOST_MESSAGE_BYTES, Data, Outbox


class Wire:
    """A connection that takes data only while it is `open`."""

    def __init__(self) -> None:
        self.sent: list[Data] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.broken: list[str] = []
        self.outbox = Outbox(self.send, self.broken.append)

    async def send(self, data: Data) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(data)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def story() -> None:
        await scenario()

    virtual_clock.run(story())


def test_everything_is_sent_in_order() -> None:
    async def scenario() -> None:
        wire = Wire()
        wire.open.set()
        wire.outbox.put_message("a")
        wire.outbox.put_audio(b"b")
        wire.outbox.put_message("c")
        await wire.outbox.close(1)
        assert wire.sent == ["a", b"b", "c"]

    run(scenario)


def test_for_a_slow_client_old_sound_is_dropped_and_no_message() -> None:
    async def scenario() -> None:
        wire = Wire()
        for number in range(100):
            wire.outbox.put_audio(bytes([number]))
            wire.outbox.put_message(str(number))
        await asyncio.sleep(0.01)
        wire.open.set()
        await wire.outbox.close(1)
        assert [data for data in wire.sent if isinstance(data, str)] == [str(number) for number in range(100)]
        sound = [data for data in wire.sent if isinstance(data, bytes)]
        assert sound == [bytes([number]) for number in range(100 - MOST_AUDIO_FRAMES, 100)]
        assert wire.outbox.dropped_audio_frames == 100 - MOST_AUDIO_FRAMES
        assert wire.broken == []

    run(scenario)


def test_a_dropped_reply_is_not_sent_late() -> None:
    async def scenario() -> None:
        wire = Wire()
        wire.outbox.put_message("a")
        for _ in range(3):
            wire.outbox.put_audio(b"old")
        wire.outbox.clear_audio()
        wire.outbox.put_audio(b"new")
        wire.open.set()
        await wire.outbox.close(1)
        assert wire.sent == ["a", b"new"]

    run(scenario)


def test_a_client_that_does_not_read_is_hung_up_on() -> None:
    async def scenario() -> None:
        wire = Wire()
        for _ in range(3):
            wire.outbox.put_message("x" * (MOST_MESSAGE_BYTES // 2))
        assert wire.broken == ["the client does not read what it is sent"]
        await wire.outbox.close(1)
        assert wire.sent == []

    run(scenario)


def test_a_lost_connection_is_reported_once() -> None:
    async def scenario() -> None:
        wire = Wire()
        wire.error = ConnectionResetError()
        wire.open.set()
        wire.outbox.put_message("a")
        await asyncio.sleep(0.01)
        wire.outbox.put_message("b")
        await wire.outbox.close(1)
        assert wire.broken == ["the connection was lost"]

    run(scenario)


def test_closing_does_not_wait_for_ever() -> None:
    async def scenario() -> None:
        wire = Wire()
        wire.outbox.put_message("a")
        began = asyncio.get_running_loop().time()
        await wire.outbox.close(0.5)
        assert asyncio.get_running_loop().time() - began <= 0.51
        assert wire.sent == []

    run(scenario)
