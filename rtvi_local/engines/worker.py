"""One thread that belongs to one engine.

asyncio's own thread pool also encodes the audio that is sent; an engine in it would make the voice stutter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from typing_extensions import ParamSpec

from rtvi_local.engines.interfaces import EngineError

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Runs one function after the other, in the order in which they were asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._closed = False

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns or raises. Cancelled while it waits its turn, it never runs; cancelled while it runs, it
        runs to its end unheard: cut long work into several calls."""
        if self._closed:
            raise EngineError(f"{self._name} is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Drop what waits (whoever awaits it gets CancelledError) and wait for what runs. May be called more than once."""
        self._closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)
