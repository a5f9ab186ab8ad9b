"""Jobs of the engine's thread, as asyncio sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from rtvi_local.engines.llama_jobs import Finished, Job
from rtvi_local.engines.llama_scheduler import Scheduler

Posted = TypeVar("Posted")


class Run:
    """A job under way: an iterator over its text that ends when the job does."""

    def __init__(self, scheduler: Scheduler, job: Job, on_ending: Callable[[float], None] | None = None) -> None:
        """The job's `deliver` is set here, and its `on_ending`, if somebody is to be told, until the run is cancelled."""
        self._told = on_ending
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()
        self._results: asyncio.Queue[str | Finished] = asyncio.Queue()
        self._finished = False
        self.log_probability = 0.0
        """Of what was to be scored, once the job is over."""
        self.job = job
        job.deliver = self._deliver
        if on_ending is not None:
            job.on_ending = lambda log_probability: self._post(self._tell, log_probability)
        scheduler.submit(job)

    def __aiter__(self) -> Run:
        return self

    async def __anext__(self) -> str:
        result = await self._results.get()
        if isinstance(result, str):
            return result
        self._finished = True
        self.log_probability = result.log_probability
        if result.error is not None:
            raise result.error
        raise StopAsyncIteration

    async def to_end(self) -> str:
        """Wait until it is over; cancelling this frees the cores. Returns its text."""
        try:
            return "".join([text async for text in self])
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Free the cores, unless the job is over. Who has gone is told nothing any more."""
        self._told = None
        if not self._finished:
            self._scheduler.cancel(self.job)

    def _deliver(self, result: str | Finished) -> None:
        self._post(self._results.put_nowait, result)

    def _tell(self, log_probability: float) -> None:
        if self._told is not None:
            self._told(log_probability)

    def _post(self, take: Callable[[Posted], None], value: Posted) -> None:
        """From the engine's thread. A loop that is closed has nobody left who waits."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(take, value)
