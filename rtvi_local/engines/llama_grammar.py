"""Samplers for calls of tools: one that leaves the model no way out of a grammar, and one that only asks what would come."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.llama_library import lib

_LIKELY = 48
"""Candidates that are shown to the grammar first: checking all 150 000 tokens of a vocabulary takes 20 times as long."""


class Peek:
    """Writes nothing."""

    def __init__(self, n_vocab: int) -> None:
        self._n_vocab = n_vocab
        self.likeliest: int | None = None
        """The token that the model would have written."""

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, output_index), (self._n_vocab,))
        self.likeliest = int(np.argmax(logits))
        return ()

    def free(self) -> None:
        """There is nothing to free."""


class GrammarSampler:
    """The likeliest text that a grammar allows."""

    def __init__(self, vocabulary: lib.llama_vocab_p, grammar: str, n_vocab: int) -> None:
        """Raises EngineError if llama.cpp does not understand the grammar."""
        self._n_vocab = n_vocab
        self._grammar = lib.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
        if not self._grammar:
            raise EngineError("llama.cpp does not understand the grammar of a tool's arguments.")

    def sample(self, context: lib.llama_context_p, output_index: int) -> Sequence[int]:
        logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, output_index), (self._n_vocab,))
        token = self._best(logits, np.argpartition(logits, -_LIKELY)[-_LIKELY:])
        if token is None:
            token = self._best(logits, np.arange(self._n_vocab))
        if token is None:
            return ()
        self.accept(token)
        return (token,)

    def accept(self, token: int) -> None:
        """What has been written already."""
        lib.llama_sampler_accept(self._grammar, token)

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
