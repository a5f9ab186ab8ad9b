"""An event loop whose time does not pass: when there is nothing left to do, its clock jumps to the next timer.

A conversation of a minute is tested in milliseconds, and every run gives the same times to the last digit.

    def test_waits_for_silence() -> None:
        virtual_clock.run(conversation())

Work that runs in the loop's executors takes no virtual time: the clock stands still until it is done. Sockets are not waited
for in that way; use the loopback transport.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

_DEADLOCK_AFTER_S = 10.0
"""Real seconds without a timer, a callback or a sign from another thread, after which nothing will come any more."""


class _JumpingSelector(selectors.DefaultSelector):
    """Where an event loop would wait, this moves its clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads_at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and not self.threads_at_work:
            self.now_s += timeout
            return []
        ready = super().select(None if self.threads_at_work else _DEADLOCK_AFTER_S)
        if not ready:
            raise RuntimeError("every task waits for something, and no timer or thread is left that could bring it")
        return ready


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """Its `time()` starts at 0 and moves only when everything waits."""

    def __init__(self) -> None:
        self._virtual = _JumpingSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._virtual.threads_at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, future: asyncio.Future[Any]) -> None:
        del future
        self._virtual.threads_at_work -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, then cancel the tasks that it left behind and raise what they raise."""
    loop = VirtualClockLoop()
    try:
        try:
            return loop.run_until_complete(main)
        finally:
            loop.run_until_complete(_clear_up(loop))
    finally:
        loop.close()


async def _clear_up(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in left:
        task.cancel()
    results = await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    if sys.version_info >= (3, 12):
        await loop.shutdown_default_executor(None)  # its default limit of 300 s would be over at once
    else:
        await loop.shutdown_default_executor()
    for result in results:
        if isinstance(result, Exception):
            raise result
