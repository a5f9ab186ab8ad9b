"""WebRTC's echo canceller (AEC3), for a loudspeaker and a microphone on one machine that nobody else cancels for.

pywebrtc-audio builds WebRTC's own code for Linux (x86-64, aarch64), macOS and Windows, 1 MB, and needs numpy alone. It finds
the delay by itself (up to about 500 ms), so it works over a network too, but its filter follows one steady way: a browser's own
canceller, which knows when the loudspeaker plays, is better wherever there is one.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, EngineError
from rtvi_local.errors import extra

_BLOCK = LISTENING_SAMPLE_RATE // 100
"""WebRTC takes 10 ms at a time."""
MOST_AHEAD_SAMPLES = LISTENING_SAMPLE_RATE // 5
"""If so much more has been sent than heard, the microphone has paused."""
_NOTHING: Int16 = np.zeros(0, np.int16)


class Library(Protocol):
    """The part of pywebrtc_audio's EchoCanceller that is needed here."""

    def process(self, near: Int16, far: Int16) -> Int16: ...


class Aec3:
    """One conversation's (EchoCanceller)."""

    def __init__(self, library: Library, output_rate: int) -> None:
        self._library = library
        self._resampler = Resampler(output_rate, LISTENING_SAMPLE_RATE)
        self._sent: Int16 = _NOTHING
        """What waits for what is heard at the same time. Where it came too late once, it waits from then on: so much is the
        jitter of the two, and what comes in time for the canceller is not given to it in the wrong place."""
        self._heard: Int16 = _NOTHING

    def sent(self, samples: Int16) -> None:
        self._sent = np.concatenate([self._sent, self._resampler.push(samples)])
        if self._sent.size > MOST_AHEAD_SAMPLES:
            self._sent = self._sent[-2 * _BLOCK :]

    def cleaned(self, samples: Int16) -> Int16:
        heard = np.concatenate([self._heard, samples])
        size = heard.size - heard.size % _BLOCK
        self._heard = heard[size:]
        if not size:
            return _NOTHING
        far, self._sent = self._sent[:size], self._sent[size:]
        return self._library.process(heard[:size], np.concatenate([far, np.zeros(size - far.size, np.int16)]))


def open_echo_canceller(output_rate: int) -> Aec3:
    """A new conversation's. Raises EngineError where the library is missing."""
    try:
        from pywebrtc_audio import EchoCanceller
    except ImportError as error:
        raise EngineError(
            f"echo.cancel needs a library that is not installed ({error}). Install it with: {extra('echo')}. "
            "Or set echo.cancel to false: browsers cancel echo themselves, and what is left of it is ignored (echo.ignore)."
        ) from error
    return Aec3(EchoCanceller(sample_rate=LISTENING_SAMPLE_RATE, num_channels=1), output_rate)
