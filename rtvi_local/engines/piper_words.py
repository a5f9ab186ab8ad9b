"""Where the words of a text end among the phonemes of its sound.

The voice knows how long each phoneme lasts, but not which word it belongs to: espeak joins words ("of the" becomes "ʌvðə"),
says several for one ("1984"), and says a word otherwise in company than alone ("a", "to"). So each word is phonemized by
itself too, and both sequences are laid side by side at the least cost, as in comparing two spellings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_BOUNDARY = " "
_UNHEARD = frozenset("ˈˌːˑ.,;:!?()\"'-_^$") | {""}
"""Stress, length and punctuation: they come and go with the company that a word is in."""
_VOWELS = frozenset("aeiouyæɐɑɒɔəɚɛɜɝɨɪʉʊʌᵻøœ")

_GAP = 1.0
_BOUNDARY_GAP = 0.4
"""A boundary between words that espeak joined, or inside a word that it says as several: cheap, as both are common."""
_NEVER = 1e6


def word_ends(words: Sequence[Sequence[str]], phonemes: Sequence[str]) -> list[int]:
    """For each word, how many of `phonemes` are said when it has been said.

    `words` holds the phonemes of each word spoken alone, `phonemes` those of the whole text. The result never falls, and its
    last item is len(phonemes). Words without phonemes (a dash) end where the word before them does.
    """
    alone: list[str] = []
    after: list[int] = []  # for each word, how many symbols of `alone` it and those before it have
    for word in words:
        alone += [_BOUNDARY] if alone and alone[-1] != _BOUNDARY else []
        alone += [symbol for symbol in word if symbol not in _UNHEARD and symbol != _BOUNDARY]
        after.append(len(alone))
    heard = [index for index, symbol in enumerate(phonemes) if symbol not in _UNHEARD]
    reached = _align(alone, [phonemes[index] for index in heard])
    ends = [heard[reached[count] - 1] + 1 if reached[count] else 0 for count in after]
    return [*ends[:-1], len(phonemes)] if ends else []


def _align(first: Sequence[str], second: Sequence[str]) -> list[int]:
    """For every count of symbols of `first`, how many of `second` lie beside them at the least total cost.

    Needleman and Wunsch's alignment, row by row: numpy makes a row at once, because the cost of leaving out symbols of
    `second` is a running sum. 230 phonemes against 230 take about 4 ms.
    """
    gaps = np.array([0.0] + [_gap(symbol) for symbol in second]).cumsum()
    rows = [gaps]
    for symbol in first:
        beside = np.concatenate(([_NEVER], rows[-1][:-1] + [_cost(symbol, other) for other in second]))
        best = np.minimum(beside, rows[-1] + _gap(symbol))
        rows.append(np.minimum.accumulate(best - gaps) + gaps)
    column = len(second)
    reached = [0] * (len(first) + 1)
    for row in range(len(first), 0, -1):
        here, above = rows[row], rows[row - 1]
        while column and here[column] >= here[column - 1] + _gap(second[column - 1]) - 1e-9:
            column -= 1
        reached[row] = column
        if not here[column] >= above[column] + _gap(first[row - 1]) - 1e-9:
            column -= 1
    return reached


def _gap(symbol: str) -> float:
    return _BOUNDARY_GAP if symbol == _BOUNDARY else _GAP


def _cost(symbol: str, other: str) -> float:
    """How unlike two symbols are."""
    if symbol == other:
        return 0.0
    if _BOUNDARY in (symbol, other):
        return _NEVER
    return 0.7 if (symbol[0] in _VOWELS) == (other[0] in _VOWELS) else 1.8
