"""What is written about an endpoint, beside its route; `document` makes the page of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    methods: tuple[str, ...]
    """`WS` is a WebSocket."""
    paths: tuple[str, ...]
    does: str
    request: Mapping[str, str] = field(default_factory=dict)
    """Field of the body → what it is. All may be left out, if nothing else is said."""
    response: Mapping[str, str] = field(default_factory=dict)
    """The same of the answer with status 200, where that is JSON."""
    errors: Mapping[int, str] = field(default_factory=dict)
    """Status, or a WebSocket's close code, and why; besides those that every endpoint has."""


RATE_LIMITED = "too many requests; `Retry-After` says how many seconds to wait"
NOT_READY = "the models are still loading; `detail` says which"
