"""One thread computes for all conversations: each step is one batch with something of everybody's work in it.

Asyncio's side hands over jobs and takes them back; all else (the cache, the context, the samplers) belongs to the thread alone,
so nothing needs a lock, here or in what it reads with (llama_reading.py, llama_looking.py). What both sides look at: a job's
`cancelled` and `computing`, and the abort switch that makes the running `llama_decode` return. Their order matters, see
`cancel`. An abort too many costs one batch, which is computed again.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama_cache import SequenceCache
from rtvi_local.engines.llama_jobs import Finished, Job, Stats
from rtvi_local.engines.llama_library import AbortSwitch, last_error, lib
from rtvi_local.engines.llama_looking import Looking
from rtvi_local.engines.llama_plan import Share
from rtvi_local.engines.llama_reading import Reading
from rtvi_local.engines.llama_vision import Vision
from rtvi_local.engines.llama_vocabulary import LlamaVocabulary

log = logging.getLogger(__name__)


class Scheduler:
    """Owns the context while it runs."""

    def __init__(
        self,
        *,
        context: lib.llama_context_p,
        vocabulary: LlamaVocabulary,
        cache: SequenceCache,
        batch_tokens: int,
        threads: int,
        model_name: str,
        vision: Vision | None = None,
    ) -> None:
        self.stats = Stats()
        self._vocabulary = vocabulary
        self._cache = cache
        self._model_name = model_name
        self._reading = Reading(context, vocabulary, cache, self.stats, batch_tokens=batch_tokens, threads=threads)
        self._looking = Looking(context, cache, vision, batch_tokens=batch_tokens)
        self._abort = AbortSwitch()
        self._abort.attach(context)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._reading_ahead: frozenset[int] = frozenset()
        """The sequences of the batch at work, if no reply is part of it."""
        self._closing = False
        self.step_back: Callable[[], None] = _go_on
        """Called between two steps: here somebody else may go first."""
        self._thread = threading.Thread(target=self._run, name="language-model", daemon=True)
        self._thread.start()

    # --- called from asyncio's side -------------------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Start a job. One of the same sequence that is still at work ends where it is; what it read remains of use. A reply
        does not wait for a batch that only reads ahead for others: that is thrown away and comes later."""
        if self._closing:
            job.deliver(Finished(self._closed()))
            return
        self._commands.put(lambda: self._begin(job))
        if not job.is_ahead and self._reading_ahead and job.sequence not in self._reading_ahead:
            self._abort.on()

    def cancel(self, job: Job) -> None:
        """Stop a job now: the running batch is thrown away, and computed again without it for the others in it.

        This sets `cancelled`, then looks at `computing`. The engine switches the abort off and sets `computing`, then looks at
        `cancelled`. So at least one of the two sees the other, and the job is not computed on.
        """
        job.cancelled = True
        if job.computing:
            self._abort.on()

    def release(self, sequence: int) -> None:
        """Forget what `sequence` holds and end its job."""
        if (job := self._jobs.get(sequence)) is not None:
            self.cancel(job)
        self._commands.put(lambda: self._clear(sequence))

    def close(self) -> None:
        """Stop at once and end the thread; the context may be freed afterwards."""
        self._closing = True
        self._abort.on()
        self._commands.put(lambda: None)
        self._thread.join()
        self._reading.close()

    # --- the engine's thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._take_commands()
            self._abort.off()
            if self._closing:
                break
            for job in [job for job in self._jobs.values() if job.cancelled]:
                self._finish(job)
            if self._jobs:
                self.step_back()
                try:
                    self._step()
                except Exception:
                    # A bug here must not leave every conversation waiting for ever.
                    log.exception("a step of the language model failed")
                    self._fail(list(self._jobs.values()), "an error inside rtvi-local, see the log")
        while not self._commands.empty():
            self._commands.get()()
        for job in list(self._jobs.values()):
            self._finish(job, self._closed())

    def _closed(self) -> EngineError:
        return EngineError(f"{self._model_name}: the language model was closed.")

    def _take_commands(self) -> None:
        if not self._jobs and self._commands.empty():
            self.stats.idle_since_s = time.perf_counter()
            command = self._commands.get()
            self.stats.idle_since_s = None
            command()
        while not self._commands.empty():
            self._commands.get()()

    def _begin(self, job: Job) -> None:
        if (older := self._jobs.get(job.sequence)) is not None:
            self._finish(older)
        self._jobs[job.sequence] = job
        if not job.cancelled and self._reading.adopt(job):
            self._finish(job)

    def _clear(self, sequence: int) -> None:
        if (job := self._jobs.get(sequence)) is not None:
            self._finish(job)
        self._cache.clear(sequence)

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        del self._jobs[job.sequence]
        if job.sampler is not None:
            job.sampler.free()
        job.deliver(Finished(error, self._reading.score(job)))

    def _step(self) -> None:
        job, others = self._looking.choose(self._jobs.values())
        if job is not None:
            with self._at_work([job]) as wanted:
                if wanted:
                    self._look(job)
            return
        shares = self._reading.plan(others)
        jobs = [self._jobs[share.sequence] for share in shares]
        with self._at_work(jobs) as wanted:
            if wanted:
                self._read(shares, jobs)

    @contextlib.contextmanager
    def _at_work(self, jobs: list[Job]) -> Iterator[bool]:
        """While it lasts, these jobs can be cancelled; whether none was already."""
        for job in jobs:
            job.computing = True
        if all(job.is_ahead for job in jobs):
            self._reading_ahead = frozenset(job.sequence for job in jobs)
        try:
            yield not any(job.cancelled for job in jobs)
        finally:
            self._reading_ahead = frozenset()
            for job in jobs:
                job.computing = False

    def _look(self, job: Job) -> None:
        code, tokens = self._looking.read(job)
        if code:
            self._not_computed([job], code)
        elif self._reading.book(job, tokens):
            self._finish(job)

    def _read(self, shares: list[Share], jobs: list[Job]) -> None:
        if code := self._reading.compute(shares, jobs):
            self._not_computed(jobs, code)
            return
        for share, job in zip(shares, jobs, strict=True):
            if not self._reading.advance(share, job):
                continue
            if job.sampler is None:
                self._finish(job)
            elif not job.cancelled:
                self._take_tokens(job, self._reading.sample(job))

    def _not_computed(self, jobs: list[Job], code: int) -> None:
        for job in jobs:
            self._cache.repair(job.sequence)
        if code == 2:
            self.stats.steps_aborted += 1
        elif code != 1:
            self._fail(jobs, f"llama_decode returned {code}: {last_error()}")
        elif not self._make_room():
            newest = next(reversed(self._jobs.values()))
            self._fail([newest], "too many long conversations at once for its cache; lower llm.context_tokens")

    def _take_tokens(self, job: Job, tokens: Sequence[int]) -> None:
        for token in tokens:
            if job.sequence in self._jobs:
                self._take_token(job, token)
        if not tokens:
            self._finish(job)

    def _take_token(self, job: Job, token: int) -> None:
        if self._vocabulary.ends_reply(token):
            self._finish(job)
            return
        job.tokens.append(token)
        job.generated += 1
        self.stats.tokens_generated += 1
        # A character may lie in several tokens: the decoder holds its first bytes back until it is whole.
        text = job.decoder.decode(self._vocabulary.piece(token))
        if not job.said_something:
            text = text.lstrip()
        if text:
            job.said_something = True
            job.deliver(text)
        if job.generated >= job.max_tokens:
            self._finish(job)

    def _make_room(self) -> bool:
        """The cache is full: forget what nobody is working on, longest unused first."""
        evicted = self._cache.evict_one(busy=self._jobs.keys())
        self.stats.sequences_evicted += evicted
        return evicted

    def _fail(self, jobs: list[Job], reason: str) -> None:
        for job in jobs:
            self._cache.clear(job.sequence)
            self._finish(job, EngineError(f"{self._model_name}: {reason}."))


def _go_on() -> None:
    """Nobody else shares the cores."""
