"""What a client may send: how large, and how many. The same for every transport."""

from __future__ import annotations

import json
from collections.abc import Callable

_MESSAGES_PER_S = 100.0
_MESSAGES_BURST = 300.0
ANSWERED_UP_TO = 4
"""Times the largest message: up to there one that is too large is refused under its own id."""


class MessageGate:
    """Admits a client's messages, and tells it why one was refused: once until one is admitted again, as answering a flood
    would double it."""

    def __init__(self, max_message_bytes: int, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._max_message_bytes = max_message_bytes
        self._tell = tell
        self._clock = clock
        self._allowance = _MESSAGES_BURST
        self._allowance_at_s = clock()
        self._warned = False
        self.refused = 0

    def admits(self, data: str | bytes) -> bool:
        """Whether a message may be read. Nothing is parsed for that: hostile input must cost nothing. What is only somewhat too
        large is admitted, because whoever reads messages can find the id of the request in it and refuse that."""
        most = self._max_message_bytes * ANSWERED_UP_TO
        size = len(data) if isinstance(data, bytes) or len(data) > most else len(data.encode())
        if size > most:
            self.refuse(f"message is larger than {self._max_message_bytes} bytes")
            return False
        if not self._allowed():
            self.refuse("too many messages; slow down")
            return False
        return True

    def admitted(self) -> None:
        """The message was of use: the next refusal is told again."""
        self._warned = False

    def refuse(self, why: str) -> None:
        self.refused += 1
        if not self._warned:
            self._warned = True
            self._tell(error_message(why))

    def _allowed(self) -> bool:
        now_s = self._clock()
        self._allowance = min(_MESSAGES_BURST, self._allowance + (now_s - self._allowance_at_s) * _MESSAGES_PER_S)
        self._allowance_at_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def error_message(why: str, *, fatal: bool = False) -> str:
    """An RTVI error, in the shape that clients of every age read (older ones look into `message`)."""
    return json.dumps({"label": "rtvi-ai", "type": "error", "data": {"error": why, "message": why, "fatal": fatal}})
