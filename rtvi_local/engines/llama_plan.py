"""What goes into the next batch: a pure decision over what every session wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

SCORED_TOKENS = 64
"""At most in one batch: each takes a row of memory as long as the vocabulary (0.6 MB)."""


class Wish(Enum):
    """What a session waits for, most urgent first."""

    NEXT_TOKEN = 0
    """It is answering."""
    FIRST_TOKEN = 1
    """Its reply cannot begin before the rest of the prompt is read: somebody waits in silence."""
    AHEAD = 2
    """It reads what a later reply will probably need."""


@dataclass(frozen=True, slots=True)
class Demand:
    sequence: int
    wish: Wish
    tokens: int
    """How many it still has to read, at least 1."""
    scored: bool = False
    """The model's opinion on each of them is wanted, not only what comes next."""


@dataclass(frozen=True, slots=True)
class Share:
    sequence: int
    tokens: int


def plan(
    demands: Sequence[Demand], *, alone_tokens: int, beside_tokens: int, scored_tokens: int = SCORED_TOKENS
) -> list[Share]:
    """Who reads how many tokens in the next batch.

    Every answering session gets its next token. Prompts of waiting replies share what is left of `alone_tokens`, or, if
    somebody is answering, of the smaller `beside_tokens`, so that a long prompt does not make another's voice run dry; first
    come, first served. Reading ahead gets a batch only while no reply waits: it would delay that reply's first token.
    """
    shares = [Share(demand.sequence, 1) for demand in demands if demand.wish is Wish.NEXT_TOKEN]
    room = max(1, (beside_tokens if shares else alone_tokens) - len(shares))
    waiting = [demand for demand in demands if demand.wish is Wish.FIRST_TOKEN]
    scored_room = max(1, scored_tokens - len(shares))
    for demand in waiting or [demand for demand in demands if demand.wish is Wish.AHEAD]:
        if room == 0:
            break
        share = min(room, demand.tokens, scored_room if demand.scored else room)
        if share:
            shares.append(Share(demand.sequence, share))
        room -= share
        scored_room -= share if demand.scored else 0
    return shares


def beside_tokens(ms_per_token: float, *, step_ms: float, at_most: int) -> int:
    """How many prompt tokens may be read beside an answer so that a step takes about `step_ms`; at least 4, because a few cost
    hardly more than one."""
    return max(4, min(at_most, int(step_ms / max(ms_per_token, 1e-3))))
