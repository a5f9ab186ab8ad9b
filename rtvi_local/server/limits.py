"""How much one address may ask for."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Numbers that no setting needs to change. A client that fails to connect tries again every 2 s at worst."""

    requests_per_s: float = 2.0
    requests_burst: int = 30
    pending_sessions: int = 64
    """Sessions that were started and never connected."""
    pending_session_s: float = 120.0
    guesses_per_s: float = 0.5
    guesses_burst: int = 20
    """Requests without the token: a page that lost its cookie asks for a dozen files at once."""
    body_s: float = 10.0
    """How long a request's body may take to arrive."""


class RateLimiter:
    """A token bucket per key, for as many keys as were seen last."""

    def __init__(
        self, per_s: float, burst: int, *, clock: Callable[[], float] = time.monotonic, remembered: int = 1024
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._remembered = remembered
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """0 if the request may go on, else after how many seconds the next one may."""
        now_s = self._clock()
        tokens, at_s = self._buckets.pop(key, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - at_s) * self._per_s)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now_s)
        while len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - tokens) / self._per_s))
