"""A transport to the person in front of this machine: its sound card, or none, and a function that shows messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.transports.interface import Listener
from rtvi_local.transports.pictures import Blind
from rtvi_local.transports.sound_card import RATE, Playout, SoundCard


class LocalTransport(Blind):
    """A Transport. `attach` a listener, then `start`."""

    output_sample_rate = RATE

    def __init__(self, show: Callable[[str], None], card: SoundCard | None = None) -> None:
        """`show` gets every message of the conversation. Without a card nothing is heard or played."""
        self._show = show
        self._card = card
        self._loop = asyncio.get_running_loop()
        self._playout = Playout()
        self._to_listening = Resampler(RATE, LISTENING_SAMPLE_RATE)
        self._listener: Listener | None = None
        self.closed = asyncio.Event()

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    def start(self) -> None:
        """Open the sound card. Raises UserError."""
        if self._card is not None:
            self._card.start(self._record, self._playout.take)

    def send_audio(self, samples: Int16) -> None:
        if self._card is not None:
            self._playout.put(samples)

    def clear_audio(self) -> None:
        self._playout.clear()

    def send_message(self, text: str) -> None:
        self._show(text)

    async def close(self, reason: str) -> None:
        del reason
        if self._card is not None:
            await asyncio.to_thread(self._card.close)  # which waits for a callback that may be under way
            self._card = None
        self.closed.set()

    def _record(self, samples: Int16) -> None:
        """In the sound card's thread."""
        self._loop.call_soon_threadsafe(self._hear, samples)

    def _hear(self, samples: Int16) -> None:
        heard = self._to_listening.push(samples)
        if self._listener is not None and heard.size and not self.closed.is_set():
            self._listener.on_audio(heard, self._loop.time() * 1000)
