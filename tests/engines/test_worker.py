from __future__ import annotations

import asyncio
import threading

import pytest

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.worker import Worker


def test_work_runs_in_one_thread_of_its_own_in_order() -> None:
    async def main() -> None:
        worker = Worker("ears")
        order: list[int] = []

        def work(number: int) -> str:
            order.append(number)
            return threading.current_thread().name

        names = await asyncio.gather(*(worker.run(work, number) for number in range(5)))
        assert order == [0, 1, 2, 3, 4]
        assert len(set(names)) == 1
        assert names[0].startswith("ears")
        worker.close()

    asyncio.run(main())


def test_cancelled_work_that_still_waits_never_runs() -> None:
    async def main() -> None:
        worker = Worker("ears")
        busy, release = threading.Event(), threading.Event()
        ran: list[str] = []

        def block() -> None:
            busy.set()
            assert release.wait(60)

        first = asyncio.create_task(worker.run(block))
        second = asyncio.create_task(worker.run(ran.append, "second"))
        third = asyncio.create_task(worker.run(ran.append, "third"))
        await asyncio.to_thread(busy.wait, 60)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        release.set()
        await asyncio.gather(first, third)
        assert ran == ["third"]
        worker.close()

    asyncio.run(main())


def test_errors_reach_the_caller() -> None:
    async def main() -> None:
        worker = Worker("ears")

        def fail() -> None:
            raise LookupError("no ears")

        with pytest.raises(LookupError, match="no ears"):
            await worker.run(fail)
        worker.close()

    asyncio.run(main())


def test_a_closed_worker_says_so() -> None:
    async def main() -> None:
        worker = Worker("ears")
        assert await worker.run(int, "7") == 7
        worker.close()
        worker.close()
        with pytest.raises(EngineError, match="ears is closed"):
            await worker.run(int, "7")

    asyncio.run(main())
