"""Who goes first where engines share the cores.

When the first clause of a reply is known, the language model goes on writing while the voice makes its first sound, and on two
cores each takes twice its time. The writing is far ahead of the speaking by then; the first sound is what somebody waits for.
And while the turn detector looks, which takes one core for 30 ms, a step of the language model on both takes three times its
own. Whisper asks where it has to look again: at what was said over the voice, and lost itself in, or that is short enough for a
"stop".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_WAIT_S = 0.1
"""Nobody steps back for longer, whatever has become of the one in front."""


class Courtesy:
    """`with courtesy.asked():` around what somebody waits for; `step_back()` wherever work can rest for a moment."""

    def __init__(self) -> None:
        self._asking = 0
        self._nobody_asks = threading.Event()
        self._nobody_asks.set()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Called on the event loop alone: the count needs no lock."""
        self._asking += 1
        self._nobody_asks.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._nobody_asks.set()

    def step_back(self) -> None:
        """Wait while somebody asks. Called in an engine's thread."""
        self._nobody_asks.wait(LONGEST_WAIT_S)
