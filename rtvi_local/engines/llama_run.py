"""Jobs of the engine's thread, as asyncio sees them."""

from __future__ import annotations

import asyncio
import contextlib

from rtvi_local.engines.llama_jobs import Finished, Job
from rtvi_local.engines.llama_scheduler import Scheduler


class Run:
    """A job under way: an iterator over its text that ends when the job does."""

    def __init__(self, scheduler: Scheduler, job: Job) -> None:
        """The job's `deliver` is set here."""
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()
        self._results: asyncio.Queue[str | Finished] = asyncio.Queue()
        self._finished = False
        self.log_probability = 0.0
        """Of what was to be scored, once the job is over."""
        self.job = job
        job.deliver = self._deliver
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
        """Free the cores, unless the job is over."""
        if not self._finished:
            self._scheduler.cancel(self.job)

    def _deliver(self, result: str | Finished) -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._results.put_nowait, result)
