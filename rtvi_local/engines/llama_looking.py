"""Pictures are read in steps of their own: their embeddings do not go into one batch with tokens."""

from __future__ import annotations

from collections.abc import Iterable

from rtvi_local.engines.llama_cache import SequenceCache
from rtvi_local.engines.llama_jobs import Job
from rtvi_local.engines.llama_library import lib
from rtvi_local.engines.llama_vision import Chunk, Vision


class Looking:
    """At the pictures of all jobs. Belongs to the engine's thread."""

    def __init__(self, context: lib.llama_context_p, cache: SequenceCache, vision: Vision | None, *, batch_tokens: int) -> None:
        self._context = context
        self._cache = cache
        self._vision = vision
        self._batch_tokens = batch_tokens
        self._looked = False
        """The last step read a picture."""

    def choose(self, jobs: Iterable[Job]) -> tuple[Job | None, list[Job]]:
        """Whose picture the next step reads, if one, and those that have no picture before them. Those who answer get every
        other step."""
        readers: list[Job] = []
        others: list[Job] = []
        for job in jobs:
            (others if self._picture(job) is None else readers).append(job)
        replies = [job for job in readers if job.sampler is not None]
        answering = any(job.sampler is not None for job in others)
        must_wait = answering and (self._looked or not replies)
        chosen = None if must_wait else next(iter(replies or readers), None)
        self._looked = chosen is not None
        return chosen, others

    def read(self, job: Job) -> tuple[int, int]:
        """Read the picture before the chosen job: llama_decode's code, and how many of the job's tokens stand for it."""
        picture = self._picture(job)
        assert picture is not None and self._vision is not None
        code = self._vision.decode(
            self._context,
            picture,
            sequence=job.sequence,
            position=self._cache.length(job.sequence),
            batch_tokens=self._batch_tokens,
        )
        return code, len(picture.positions)

    def _picture(self, job: Job) -> Chunk | None:
        """What the job has to read next, if that is a picture."""
        held = self._cache.length(job.sequence)
        return job.pictures.get(job.tokens[held]) if job.pictures and held < len(job.tokens) else None
