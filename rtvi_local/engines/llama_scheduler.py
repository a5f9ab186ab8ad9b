"""One thread computes for all conversations: each step is one batch with something of everybody's work in it.

Asyncio's side hands over jobs and takes them back; all else (the cache, the context, the samplers) belongs to the thread alone,
so nothing here needs a lock. What both sides look at: a job's `cancelled` and `computing`, and the abort switch that makes the
running `llama_decode` return. Their order matters, see `cancel`. An abort too many costs one batch, which is computed again.
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
from rtvi_local.engines.llama_endings import Endings
from rtvi_local.engines.llama_jobs import Finished, Job, Stats
from rtvi_local.engines.llama_library import AbortSwitch, Batch, last_error, lib
from rtvi_local.engines.llama_plan import Demand, Share, Wish, beside_tokens, plan
from rtvi_local.engines.llama_scores import Scores
from rtvi_local.engines.llama_vision import Chunk, Vision
from rtvi_local.engines.llama_vocabulary import LlamaVocabulary

log = logging.getLogger(__name__)

HURRIED_TOKENS = 16
"""A reply's first clause gets all threads. After it the voice has something to say and needs the cores itself; the model is
still several times faster than speech."""

STEP_BESIDE_ANSWER_MS = 60.0
"""How long somebody's answer may wait for a part of another's prompt."""


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
        self._vision = vision
        self._looked = False
        """The last step read a picture."""
        self._context = context
        self._vocabulary = vocabulary
        self._cache = cache
        self._batch_tokens = batch_tokens
        self._threads = threads
        self._model_name = model_name
        self._abort = AbortSwitch()
        self._abort.attach(context)
        self._batch = Batch(batch_tokens)
        self._ms_per_token = 5.0
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._scores = Scores(vocabulary.n_tokens)
        self._endings = Endings(vocabulary)
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
        self._batch.free()

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
        if job.cancelled:
            return
        reused = self._cache.adopt(job.sequence, job.tokens)
        if job.ending is not None and job.ending <= reused and not self._endings.tell_again(job):
            self._cache.shorten(job.sequence, job.ending - 1)  # others' words began alike
            reused = self._cache.length(job.sequence)
        if job.score_from is not None:
            reused = self._take_scores(job, reused)
        elif reused == len(job.tokens):
            if job.sampler is None:
                self._finish(job)
            else:
                self._cache.forget_last(job.sequence)
                reused = self._cache.length(job.sequence)
        job.reused = reused
        self.stats.tokens_reused += reused

    def _take_scores(self, job: Job, reused: int) -> int:
        """What is scored already counts as read, but for its last token: what the model expects after that is known no more."""
        assert job.score_from is not None
        scored = self._scores.keep(job.sequence, job.score_from, reused)
        if scored == len(job.tokens):
            self._finish(job)
        elif scored:
            self._cache.shorten(job.sequence, scored - 1)
        return self._cache.length(job.sequence)

    def _clear(self, sequence: int) -> None:
        if (job := self._jobs.get(sequence)) is not None:
            self._finish(job)
        self._cache.clear(sequence)

    def _finish(self, job: Job, error: Exception | None = None) -> None:
        del self._jobs[job.sequence]
        if job.sampler is not None:
            job.sampler.free()
        job.deliver(Finished(error, self._scores.total(job.sequence) if job.score_from is not None else 0.0))

    def _step(self) -> None:
        readers = [job for job in self._jobs.values() if self._picture(job) is not None]
        others = [job for job in self._jobs.values() if job not in readers]
        if (job := self._who_looks(readers, others)) is not None:
            self._looked = True
            self._look(job)
            return
        self._looked = False
        shares = plan(
            [self._demand(job) for job in others],
            alone_tokens=self._batch_tokens,
            beside_tokens=beside_tokens(self._ms_per_token, step_ms=STEP_BESIDE_ANSWER_MS, at_most=self._batch_tokens),
        )
        jobs = [self._jobs[share.sequence] for share in shares]
        with self._at_work(jobs) as wanted:
            if wanted:
                self._compute(shares, jobs)

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

    # A picture is read in a step of its own: its embeddings do not go into one batch with tokens.

    def _picture(self, job: Job) -> Chunk | None:
        """What the job has to read next, if that is a picture."""
        held = self._cache.length(job.sequence)
        return job.pictures.get(job.tokens[held]) if job.pictures and held < len(job.tokens) else None

    def _who_looks(self, readers: list[Job], others: list[Job]) -> Job | None:
        """Whose picture is read now. Those who answer get every other step."""
        replies = [job for job in readers if job.sampler is not None]
        answering = any(job.sampler is not None for job in others)
        if answering and (self._looked or not replies):
            return None
        return next(iter(replies or readers), None)

    def _look(self, job: Job) -> None:
        picture = self._picture(job)
        assert picture is not None and self._vision is not None
        held = self._cache.length(job.sequence)
        with self._at_work([job]) as wanted:
            if not wanted:
                return
            code = self._vision.decode(
                self._context, picture, sequence=job.sequence, position=held, batch_tokens=self._batch_tokens
            )
            if code == 0:
                self._book(job, len(picture.positions))
            else:
                self._not_computed([job], code)

    def _compute(self, shares: list[Share], jobs: list[Job]) -> None:
        outputs = self._fill(shares)
        hurried = any(share.tokens > 1 or job.generated < HURRIED_TOKENS for share, job in zip(shares, jobs, strict=True))
        threads = self._threads if hurried else max(1, self._threads // 2)
        lib.llama_set_n_threads(self._context, threads, threads)
        started_s = time.perf_counter()
        code = self._batch.decode(self._context)
        if code == 0:
            self._measure(sum(share.tokens for share in shares), (time.perf_counter() - started_s) * 1000)
            for share in shares:
                self._advance(share, outputs[share.sequence])
            return
        self._not_computed(jobs, code)

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

    def _demand(self, job: Job) -> Demand:
        held, end = self._cache.length(job.sequence), len(job.tokens)
        if job.pictures:
            end = next((at for at in range(held, end) if job.tokens[at] in job.pictures), end)
        tokens = end - held
        wish = Wish.AHEAD if job.is_ahead else Wish.NEXT_TOKEN if job.generated and tokens == 1 else Wish.FIRST_TOKEN
        return Demand(job.sequence, wish, tokens, job.score_from is not None)

    def _fill(self, shares: list[Share]) -> dict[int, int]:
        """Puts everybody's next tokens into the batch; returns where the logits of those who will sample are."""
        self._batch.clear()
        outputs: dict[int, int] = {}
        for share in shares:
            job, held = self._jobs[share.sequence], self._cache.length(share.sequence)
            scored = None if job.score_from is None else max(0, job.score_from - 1 - held)
            index = self._batch.add(
                share.sequence,
                held,
                job.tokens[held : held + share.tokens],
                wants_output=self._samples(share),
                outputs_from=scored,
                output_of=None if job.ending is None else job.ending - 1 - held,
            )
            outputs[share.sequence] = index
        return outputs

    def _samples(self, share: Share) -> bool:
        """Whether a token is chosen once this has been computed: the prompt ends with it, and is answered."""
        job = self._jobs[share.sequence]
        return job.sampler is not None and self._cache.length(share.sequence) + share.tokens == len(job.tokens)

    def _advance(self, share: Share, output: int) -> None:
        """Books what was computed, and takes a reply's next token. `output` is the index of the share's last token."""
        job, held = self._jobs[share.sequence], self._cache.length(share.sequence)
        samples = self._samples(share)
        if job.ending is not None and held < job.ending <= held + share.tokens:
            self._endings.tell(self._context, job, output - (held + share.tokens) + job.ending)
        if job.score_from is not None:
            # The last token's own output tells what would follow the text: nobody asks.
            first = max(held, job.score_from - 1)
            following = job.tokens[first + 1 : held + share.tokens + 1]
            index = output - (held + share.tokens - 1) + first
            self._scores.add(self._context, job.sequence, index, following)
        self._book(job, share.tokens)
        if samples and job.sampler is not None and not job.cancelled:
            job.read_s = job.read_s or time.perf_counter()
            self._take_tokens(job, job.sampler.sample(self._context, output))

    def _take_tokens(self, job: Job, tokens: Sequence[int]) -> None:
        for token in tokens:
            if job.sequence in self._jobs:
                self._take_token(job, token)
        if not tokens:
            self._finish(job)

    def _book(self, job: Job, tokens: int) -> None:
        held = self._cache.length(job.sequence)
        self._cache.extend(job.sequence, job.tokens[held : held + tokens])
        if not job.generated:
            self.stats.tokens_prefilled += tokens
        if job.sampler is None and self._cache.length(job.sequence) == len(job.tokens):
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

    def _measure(self, tokens: int, step_ms: float) -> None:
        if tokens >= 4:
            self._ms_per_token += 0.3 * (step_ms / tokens - self._ms_per_token)

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
