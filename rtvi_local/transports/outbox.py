"""What waits to be sent to a client, and what becomes of it when the client does not keep up."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Union

Data = Union[str, bytes]

FRAME_MS = 20
"""Of the sound that a conversation gives at a time."""
MOST_AUDIO_FRAMES = 10
"""200 ms. What waits longer has been missed: it is dropped, not played later and later."""
MOST_MESSAGE_BYTES = 1 << 20
"""For a client that stopped reading: beyond this it is hung up on, as messages must not be lost in the middle."""


@dataclass(frozen=True, slots=True)
class _Item:
    data: Data
    is_audio: bool


class Outbox:
    """Takes data without waiting and sends it one by one, in order. `on_broken` is called once: with why, if sending fails or
    the client is too slow."""

    def __init__(self, send: Callable[[Data], Awaitable[None]], on_broken: Callable[[str], None]) -> None:
        self._send = send
        self._on_broken = on_broken
        self._items: deque[_Item] = deque()
        self._audio_frames = 0
        self._message_bytes = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._open = True
        self.most_audio_frames = MOST_AUDIO_FRAMES
        self._task = asyncio.get_running_loop().create_task(self._run())
        self.dropped_audio_frames = 0

    def put_audio(self, data: Data) -> None:
        if not self._open:
            return
        self._put(_Item(data, True))
        self._audio_frames += 1
        if self._audio_frames > self.most_audio_frames:
            self._items.remove(next(item for item in self._items if item.is_audio))
            self._audio_frames -= 1
            self.dropped_audio_frames += 1

    def put_message(self, data: Data) -> None:
        if not self._open:
            return
        self._message_bytes += len(data)
        if self._message_bytes > MOST_MESSAGE_BYTES:
            self._break("the client does not read what it is sent")
        else:
            self._put(_Item(data, False))

    def clear_audio(self) -> None:
        """Forget the sound that has not been sent yet."""
        self._items = deque(item for item in self._items if not item.is_audio)
        self._audio_frames = 0

    async def close(self, within_s: float) -> None:
        """Send what is left, if that does not take longer, and nothing any more."""
        if self._open:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._drained.wait(), within_s)
        self._open = False
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _put(self, item: _Item) -> None:
        self._items.append(item)
        self._filled.set()
        self._drained.clear()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            while self._items:
                item = self._items.popleft()
                if item.is_audio:
                    self._audio_frames -= 1
                else:
                    self._message_bytes -= len(item.data)
                try:
                    await self._send(item.data)
                except Exception:  # each server has its own for a client that is gone
                    self._break("the connection was lost")
                    return
            self._filled.clear()
            self._drained.set()

    def _break(self, why: str) -> None:
        if self._open:
            self._open = False
            self._items.clear()
            self._drained.set()
            self._on_broken(why)
