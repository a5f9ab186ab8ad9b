"""This machine's own microphone and loudspeaker, through PortAudio (the optional extra `talk`)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.errors import UserError, extra

RATE = 48_000
"""Hz, both ways: every sound card does it."""
BLOCK = RATE // 50


class SoundCard(Protocol):
    """20 ms of 48 kHz mono at a time, in both directions."""

    def start(self, record: Callable[[Int16], None], play: Callable[[], Int16]) -> None:
        """Call `record` with what was heard and `play` for what to sound next, from a thread of its own, until `close`."""
        ...

    def close(self) -> None: ...


class PortAudio:
    """The system's default devices (SoundCard)."""

    def __init__(self, sounddevice: Any) -> None:
        self._library = sounddevice
        self._stream: Any = None

    @classmethod
    def find(cls) -> PortAudio:
        """Raises UserError where there is no library or no device, saying which."""
        try:
            import sounddevice
        except ImportError as error:
            raise UserError(f"talking needs the package sounddevice: {extra('talk')}") from error
        except OSError as error:  # the library itself, which wheels for Linux leave to the system
            raise UserError("talking needs PortAudio (Debian: apt install libportaudio2)") from error
        for kind in ("input", "output"):
            try:
                sounddevice.query_devices(kind=kind)
            except (sounddevice.PortAudioError, ValueError) as error:
                device = "microphone" if kind == "input" else "loudspeaker"
                raise UserError(f"this machine has no {device} that PortAudio finds") from error
        return cls(sounddevice)

    def start(self, record: Callable[[Int16], None], play: Callable[[], Int16]) -> None:
        def callback(heard: Any, sounds: Any, *_: object) -> None:
            record(heard[:, 0].copy())
            sounds[:, 0] = play()

        try:
            self._stream = self._library.Stream(
                samplerate=RATE, blocksize=BLOCK, channels=1, dtype="int16", latency="low", callback=callback
            )
            self._stream.start()
        except self._library.PortAudioError as error:
            raise UserError(f"the sound card cannot be used ({error}); is another program holding it?") from error

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Playout:
    """Between who sends 20 ms by one clock and a sound card that plays 20 ms by another. Any thread may call."""

    _BEGINS_WITH, _MOST = 2, 8
    """Blocks: so many are waited for after silence, and more than so many are too late to be heard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: deque[Int16] = deque()
        self._flows = False

    def put(self, block: Int16) -> None:
        with self._lock:
            self._blocks.append(block)
            while len(self._blocks) > self._MOST:
                self._blocks.popleft()

    def take(self) -> Int16:
        with self._lock:
            self._flows = bool(self._blocks) and (self._flows or len(self._blocks) >= self._BEGINS_WITH)
            return self._blocks.popleft() if self._flows else np.zeros(BLOCK, np.int16)

    def clear(self) -> None:
        with self._lock:
            self._blocks.clear()
