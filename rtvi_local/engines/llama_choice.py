"""Samplers that leave the model no way out: one of several texts, or what a grammar allows."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama_library import lib

_LIKELY = 48
"""Candidates that are shown to the grammar first: checking all 150 000 tokens of a vocabulary takes 20 times as long."""


def _logits(context: lib.llama_context_p, output_index: int, n_vocab: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A view, valid until the next decode."""
    return np.ctypeslib.as_array(lib.llama_get_logits_ith(context, output_index), (n_vocab,))


class Chooser:
    """Picks one of several texts, token by token where their beginnings are alike, and says how sure it is."""

    def __init__(self, options: Mapping[str, Sequence[int]], none: str, n_vocab: int, threshold: float) -> None:
        """`options` are tokens by name; `none` is the name of the one that means "none of these": it is chosen unless the
        others together are more likely by `threshold` (difference of log-odds)."""
        self._options = options
        self._none = none
        self._n_vocab = n_vocab
        self._threshold = threshold
        self._taken: list[int] = []
        self.chosen: str | None = None
        self.log_odds = float("-inf")
        """Of all other options together against `none`."""

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        logits = _logits(context, output_index, self._n_vocab)
        depth = len(self._taken)
        alive = {name: tokens for name, tokens in self._options.items() if list(tokens[:depth]) == self._taken}
        if not depth:
            none = alive.pop(self._none)
            firsts = np.array(sorted({tokens[0] for tokens in alive.values()}))
            self.log_odds = float(np.logaddexp.reduce(logits[firsts].astype(np.float64)) - logits[none[0]])
            if self.log_odds < self._threshold:
                self.chosen = self._none
                return ()
        return self._descend(alive, logits)

    def _descend(self, alive: Mapping[str, Sequence[int]], logits: np.ndarray[Any, np.dtype[np.float32]]) -> Sequence[int]:
        """The likeliest next token, and those that must follow it; none when the choice is made."""
        depth = len(self._taken)
        best = max({tokens[depth] for tokens in alive.values()}, key=lambda token: float(logits[token]))
        alive = {name: tokens for name, tokens in alive.items() if tokens[depth] == best}
        if len(alive) == 1:
            (self.chosen,) = alive
            return ()
        added = [best]
        while len({tuple(tokens[: depth + len(added) + 1]) for tokens in alive.values()}) == 1:
            added.append(next(iter(alive.values()))[depth + len(added)])
        self._taken += added
        return added

    def free(self) -> None:
        """Nothing to free."""


class GrammarSampler:
    """The likeliest text that a grammar allows."""

    def __init__(self, vocabulary: lib.llama_vocab_p, grammar: str, n_vocab: int) -> None:
        """Raises EngineError if llama.cpp does not understand the grammar."""
        self._n_vocab = n_vocab
        self._grammar = lib.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
        if not self._grammar:
            raise EngineError("llama.cpp does not understand the grammar of a tool's arguments.")

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        logits = _logits(context, output_index, self._n_vocab)
        token = self._best(logits, np.argpartition(logits, -_LIKELY)[-_LIKELY:])
        if token is None:
            token = self._best(logits, np.arange(self._n_vocab))
        if token is None:
            return ()
        lib.llama_sampler_accept(self._grammar, token)
        return (token,)

    def _best(self, logits: np.ndarray[Any, np.dtype[np.float32]], candidates: np.ndarray[Any, Any]) -> int | None:
        """The likeliest of these tokens that the grammar allows."""
        table = np.zeros(len(candidates), dtype=[("id", "i4"), ("logit", "f4"), ("p", "f4")])
        table["id"], table["logit"] = candidates, logits[candidates]
        array = lib.llama_token_data_array(
            data=ctypes.cast(table.ctypes.data, lib.llama_token_data_p), size=len(table), selected=-1, sorted=False
        )
        lib.llama_sampler_apply(self._grammar, ctypes.byref(array))
        best = int(np.argmax(table["logit"]))
        return int(table["id"][best]) if np.isfinite(table["logit"][best]) else None

    def free(self) -> None:
        if self._grammar is not None:
            lib.llama_sampler_free(self._grammar)
            self._grammar = None
