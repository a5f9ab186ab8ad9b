"""What jobs have to read, batch by batch, and the books of what is read: in the cache, as scores, as endings of sentences."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rtvi_local.engines.llama_cache import SequenceCache
from rtvi_local.engines.llama_endings import Endings
from rtvi_local.engines.llama_jobs import Job, Stats
from rtvi_local.engines.llama_library import Batch, lib
from rtvi_local.engines.llama_plan import Demand, Share, Wish, beside_tokens, plan
from rtvi_local.engines.llama_scores import Scores
from rtvi_local.engines.llama_vocabulary import LlamaVocabulary

HURRIED_TOKENS = 16
"""A reply's first clause gets all threads. After it the voice has something to say and needs the cores itself; the model is
still several times faster than speech."""

STEP_BESIDE_ANSWER_MS = 60.0
"""How long somebody's answer may wait for a part of another's prompt."""


class Reading:
    """Of all jobs. Belongs to the engine's thread."""

    def __init__(
        self,
        context: lib.llama_context_p,
        vocabulary: LlamaVocabulary,
        cache: SequenceCache,
        stats: Stats,
        *,
        batch_tokens: int,
        threads: int,
    ) -> None:
        self._context = context
        self._cache = cache
        self._stats = stats
        self._batch_tokens = batch_tokens
        self._threads = threads
        self._batch = Batch(batch_tokens)
        self._outputs: dict[int, int] = {}
        """Sequence → the index in the batch of the last token that it had there."""
        self._ms_per_token = 5.0
        self._scores = Scores(vocabulary.n_tokens)
        self._endings = Endings(vocabulary)

    def close(self) -> None:
        """Once the thread has ended."""
        self._batch.free()

    def adopt(self, job: Job) -> bool:
        """Take over what is known of the job's tokens; whether nothing is left to do."""
        reused = self._cache.adopt(job.sequence, job.tokens)
        if job.ending is not None and job.ending <= reused and not self._endings.tell_again(job):
            self._cache.shorten(job.sequence, job.ending - 1)  # others' words began alike
            reused = self._cache.length(job.sequence)
        is_done = False
        if job.score_from is not None:
            is_done = self._adopt_scores(job, job.score_from, reused)
        elif reused == len(job.tokens):
            is_done = job.sampler is None
            if not is_done:
                self._cache.forget_last(job.sequence)
        job.reused = self._cache.length(job.sequence)
        self._stats.tokens_reused += job.reused
        return is_done

    def _adopt_scores(self, job: Job, score_from: int, reused: int) -> bool:
        """What is scored already counts as read, but for its last token: what the model expects after that is known no more."""
        scored = self._scores.keep(job.sequence, score_from, reused)
        if scored == len(job.tokens):
            return True
        if scored:
            self._cache.shorten(job.sequence, scored - 1)
        return False

    def score(self, job: Job) -> float:
        """The log-probability of all that was to be scored, as far as it is known."""
        return 0.0 if job.score_from is None else self._scores.total(job.sequence)

    def plan(self, jobs: Sequence[Job]) -> list[Share]:
        """What goes into the next batch."""
        return plan(
            [self._demand(job) for job in jobs],
            alone_tokens=self._batch_tokens,
            beside_tokens=beside_tokens(self._ms_per_token, step_ms=STEP_BESIDE_ANSWER_MS, at_most=self._batch_tokens),
        )

    def _demand(self, job: Job) -> Demand:
        held, end = self._cache.length(job.sequence), len(job.tokens)
        if job.pictures:
            end = next((at for at in range(held, end) if job.tokens[at] in job.pictures), end)
        tokens = end - held
        wish = Wish.AHEAD if job.is_ahead else Wish.NEXT_TOKEN if job.generated and tokens == 1 else Wish.FIRST_TOKEN
        return Demand(job.sequence, wish, tokens, job.score_from is not None)

    def compute(self, shares: Sequence[Share], jobs: Sequence[Job]) -> int:
        """One batch with the `shares` of these jobs. Returns llama_decode's code; if it is 0, `advance` each of them."""
        self._fill(shares, jobs)
        hurried = any(share.tokens > 1 or job.generated < HURRIED_TOKENS for share, job in zip(shares, jobs, strict=True))
        threads = self._threads if hurried else max(1, self._threads // 2)
        lib.llama_set_n_threads(self._context, threads, threads)
        started_s = time.perf_counter()
        code = self._batch.decode(self._context)
        if code == 0:
            self._measure(sum(share.tokens for share in shares), (time.perf_counter() - started_s) * 1000)
        return code

    def _fill(self, shares: Sequence[Share], jobs: Sequence[Job]) -> None:
        self._batch.clear()
        self._outputs.clear()
        for share, job in zip(shares, jobs, strict=True):
            held = self._cache.length(job.sequence)
            self._outputs[job.sequence] = self._batch.add(
                job.sequence,
                held,
                job.tokens[held : held + share.tokens],
                wants_output=job.sampler is not None and held + share.tokens == len(job.tokens),
                outputs_from=None if job.score_from is None else max(0, job.score_from - 1 - held),
                output_of=None if job.ending is None else job.ending - 1 - held,
            )

    def _measure(self, tokens: int, step_ms: float) -> None:
        if tokens >= 4:
            self._ms_per_token += 0.3 * (step_ms / tokens - self._ms_per_token)

    def advance(self, share: Share, job: Job) -> bool:
        """Book what was computed; whether all of the job's tokens are read."""
        held, output = self._cache.length(job.sequence), self._outputs[job.sequence]
        if job.ending is not None and held < job.ending <= held + share.tokens:
            self._endings.tell(self._context, job, output - (held + share.tokens) + job.ending)
        if job.score_from is not None:
            # The last token's own output tells what would follow the text: nobody asks.
            first = max(held, job.score_from - 1)
            following = job.tokens[first + 1 : held + share.tokens + 1]
            index = output - (held + share.tokens - 1) + first
            self._scores.add(self._context, job.sequence, index, following)
        return self.book(job, share.tokens)

    def book(self, job: Job, tokens: int) -> bool:
        """So many more of the job's tokens are read; whether all are."""
        held = self._cache.length(job.sequence)
        self._cache.extend(job.sequence, job.tokens[held : held + tokens])
        if not job.generated:
            self._stats.tokens_prefilled += tokens
        return self._cache.length(job.sequence) == len(job.tokens)

    def sample(self, job: Job) -> Sequence[int]:
        """What follows the job's tokens, the last of which was in the batch just computed; nothing, if the reply ends there."""
        assert job.sampler is not None
        job.read_s = job.read_s or time.perf_counter()
        return job.sampler.sample(self._context, self._outputs[job.sequence])
