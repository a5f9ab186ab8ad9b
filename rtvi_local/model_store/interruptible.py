"""Running what Ctrl-C ends at once, whatever it waits for.

`asyncio.run` alone lets people wait, twice. A signal that comes just before the loop begins to wait for the network does not
wake it: Python looks at signals when something else has come, or when a timeout is over. And before it returns, it waits for
its threads: for the address of a host whose name servers are silent (10 s and more, man 5 resolv.conf), for a disk that does
not answer, for gigabytes that are hashed.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, None]) -> None:
    """As `asyncio.run` does. When it is interrupted, its threads are left to themselves: what they write must be worth nothing
    until it is whole, as if the process had been killed."""
    asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_NobodyWaits())
    with _woken_by_signals(loop):
        await work


@contextmanager
def _woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """In the main thread; signals are none of the others' business."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    woken, waking = socket.socketpair()
    with woken, waking:
        woken.setblocking(False)
        waking.setblocking(False)
        before = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        loop.add_reader(woken, woken.recv, 4096)
        try:
            yield
        finally:
            loop.remove_reader(woken)
            signal.set_wakeup_fd(before)


class _NobodyWaits(ThreadPoolExecutor):
    """A thread for each piece of work, which the end of the loop and that of the process do not wait for."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        future: Future[Result] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="model-store", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass
