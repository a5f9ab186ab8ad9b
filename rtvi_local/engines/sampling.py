"""Between which tokens chance may choose, and what it is unless somebody sets it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """Between which tokens chance may choose, where the temperature leaves it a choice."""

    top_k: int = 40
    top_p: float = 0.95
    repeat_penalty: float = 1.05
    seed: int = -1
    """Other choices every time."""


DEFAULT_SAMPLING = Sampling()
