"""A transport that goes nowhere: for tests, and for whoever embeds a conversation in a program of their own."""

from __future__ import annotations

import asyncio

from rtvi_local.audio.pcm import Int16
from rtvi_local.images.picture import Picture
from rtvi_local.transports.interface import Listener
from rtvi_local.transports.pictures import NoPicture, Source

PIECE_SAMPLES = 320
"""20 ms of 16 kHz."""


class LoopbackTransport:
    """Keeps what was sent, with the time it was sent at; `hear` plays audio to the listener as a microphone would."""

    silence_is_quiet = False
    unsent_frames = 0

    def __init__(self, output_sample_rate: int = 16_000) -> None:
        self.output_sample_rate = output_sample_rate
        self.audio: list[tuple[float, Int16]] = []
        """(milliseconds on the event loop's clock, samples) of every frame."""
        self.cleared_ms: list[float] = []
        self.messages: list[str] = []
        self.pictures: dict[Source, Picture] = {}
        """What there is to see."""
        self.closed: str | None = None

    @property
    def sources(self) -> frozenset[Source]:
        return frozenset(self.pictures)

    async def look(self, source: Source) -> Picture:
        if source not in self.pictures:
            raise NoPicture(f"The user's {source} is switched off.")
        return self.pictures[source]

    def send_audio(self, samples: Int16) -> None:
        self.audio.append((asyncio.get_running_loop().time() * 1000, samples))

    def clear_audio(self) -> None:
        self.cleared_ms.append(asyncio.get_running_loop().time() * 1000)

    def send_message(self, text: str) -> None:
        self.messages.append(text)

    async def close(self, reason: str) -> None:
        self.closed = self.closed or reason

    async def hear(self, listener: Listener, samples: Int16) -> None:
        """Deliver 16 kHz audio in pieces of 20 ms, in real time of the event loop's clock."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for start in range(0, samples.size, PIECE_SAMPLES):
            piece = samples[start : start + PIECE_SAMPLES]
            due += piece.size / 16_000
            await asyncio.sleep(max(0.0, due - loop.time()))
            listener.on_audio(piece, loop.time() * 1000)
