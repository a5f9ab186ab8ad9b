"""Waiting for what somebody else brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Polls: what is waited for comes from a library, a thread or a process that knows no event of asyncio's."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline_s, "did not happen in time"
        await asyncio.sleep(0.001)
