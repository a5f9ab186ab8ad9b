"""What a conversation may expect of a transport, and a transport of a conversation."""

from __future__ import annotations

from typing import Protocol

from rtvi_local.audio.pcm import Int16
from rtvi_local.images.picture import Picture
from rtvi_local.transports.pictures import Source


class Listener(Protocol):
    """What a transport delivers to. Called on the event loop; returns at once."""

    @property
    def is_asleep(self) -> bool:
        """Whether it waits for a wake word: what is said meanwhile may be delivered 100 ms late."""
        ...

    def on_audio(self, samples: Int16, at_ms: float) -> None:
        """16 kHz mono from the microphone, in order; `at_ms` is when its last sample arrived (event loop clock)."""
        ...

    def on_message(self, text: str) -> None:
        """One RTVI message, as the client sent it; not yet parsed."""
        ...

    def on_closed(self, reason: str) -> None:
        """The client is gone. Called once; nothing follows it."""
        ...


class Transport(Protocol):
    """One client's connection."""

    output_sample_rate: int
    """Hz of what `send_audio` takes: 48,000 for WebRTC, 24,000 for browsers' WebSockets, 8,000 for telephones."""
    silence_is_quiet: bool
    """Whether digital silence comes from a microphone that hears nothing loud. From others it means that it is switched off."""

    @property
    def sources(self) -> frozenset[Source]:
        """What the client may show, once it has connected; whether it does is known by looking."""
        ...

    async def look(self, source: Source) -> Picture:
        """The newest picture. Costs nothing while nobody calls it. Raises NoPicture."""
        ...

    @property
    def unsent_frames(self) -> int:
        """How many of the next frames, if they are silence, nothing would leave for: they may be given late, all at once."""
        ...

    def send_audio(self, samples: Int16) -> None:
        """Play 20 ms of mono audio now. The caller keeps the pace; silence is sent too, for as long as the session lives."""
        ...

    def clear_audio(self) -> None:
        """Forget what `send_audio` was given and has not been heard yet, as far as that is still possible: the reply is over.
        What is sent next is to be played."""
        ...

    def send_message(self, text: str) -> None:
        """Send one message. Kept for later if the channel is not open yet; dropped if the client is gone."""
        ...

    async def close(self, reason: str) -> None:
        """Tell the client that the bot leaves, and close. May be called more than once."""
        ...
