"""How likely the model found each token of a text: kept while the text is held, so that more of it costs only what is new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtvi_local.engines.llama_library import lib


def log_probability(context: lib.llama_context_p, index: int, tokens: Sequence[int], n_vocab: int) -> float:
    """Of the likeliest of these tokens, by the row of logits at `index` of the batch."""
    logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), (n_vocab,))
    highest = float(logits.max())
    return float(logits[list(tokens)].max()) - highest - float(np.log(np.exp(logits - highest).sum()))


class Scores:
    """Of all sequences whose texts are scored. Belongs to the engine's thread."""

    def __init__(self, n_vocab: int) -> None:
        self._n_vocab = n_vocab
        self._known: dict[int, tuple[int, list[float]]] = {}
        """Sequence → the first token that was scored, and the log-probabilities from it on."""

    def keep(self, sequence: int, score_from: int, held: int) -> int:
        """Forget what is no longer true where only `held` tokens are the same as before; returns the first token that has to
        be scored, 0 if nothing is held of what is to be scored."""
        known_from, known = self._known.get(sequence, (score_from, []))
        if known_from != score_from or held < score_from:
            known = []
        known = known[: max(0, held - score_from)]
        self._known[sequence] = score_from, known
        return score_from + len(known) if held >= score_from else 0

    def add(self, context: lib.llama_context_p, sequence: int, index: int, following: Sequence[int]) -> None:
        """Rows of logits begin at `index` of the batch; each is judged by the token that follows it in the text."""
        known = self._known[sequence][1]
        for offset, token in enumerate(following):
            known.append(log_probability(context, index + offset, [token], self._n_vocab))

    def total(self, sequence: int) -> float:
        return sum(self._known.get(sequence, (0, []))[1])
