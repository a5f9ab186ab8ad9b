from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from rtvi_local import virtual_clock


def test_an_hour_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert virtual_clock.run(main()) == pytest.approx(3600)
    assert time.monotonic() - started < 5


def test_timers_fire_in_order_at_exactly_their_times() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        log: list[tuple[str, float]] = []

        async def tick(name: str, period_s: float, count: int) -> None:
            for _ in range(count):
                await asyncio.sleep(period_s)
                log.append((name, round(loop.time(), 6)))

        await asyncio.gather(tick("a", 0.02, 3), tick("b", 0.05, 2))
        return log

    expected = [("a", 0.02), ("a", 0.04), ("b", 0.05), ("a", 0.06), ("b", 0.1)]
    assert virtual_clock.run(main()) == expected


def test_a_timeout_is_over_before_a_longer_wait() -> None:
    async def main() -> None:
        await asyncio.wait_for(asyncio.sleep(10), timeout=1)

    with pytest.raises(asyncio.TimeoutError):
        virtual_clock.run(main())


def test_the_clock_stands_still_while_a_thread_works() -> None:
    async def main() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        timer_fired = asyncio.Event()
        loop.call_later(1, timer_fired.set)
        released = threading.Event()

        def work() -> bool:
            released.wait(0.05)
            return timer_fired.is_set()

        fired_meanwhile = await loop.run_in_executor(None, work)
        return fired_meanwhile, loop.time()

    assert virtual_clock.run(main()) == (False, 0.0)


def test_waiting_for_what_can_never_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_clock, "_DEADLOCK_AFTER_S", 0.01)

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="every task waits"):
        virtual_clock.run(main())


def test_tasks_and_iterators_left_behind_are_ended() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            ended.append("task")

    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.append("iterator")

    async def main() -> int:
        task = asyncio.ensure_future(endless())
        iterator = numbers()
        await asyncio.sleep(0)
        assert not task.done()
        return await iterator.__anext__()

    assert virtual_clock.run(main()) == 1
    assert sorted(ended) == ["iterator", "task"]


def test_an_error_in_a_task_left_behind_is_raised() -> None:
    async def fails_when_cancelled() -> None:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            raise ValueError("could not clear up") from None

    async def main() -> None:
        task = asyncio.ensure_future(fails_when_cancelled())
        await asyncio.sleep(0)
        assert not task.done()

    with pytest.raises(ValueError, match="could not clear up"):
        virtual_clock.run(main())
