"""What of a transcript is the bot's own words, heard again? Pure; by words alone.

The ear of `audio/own_voice.py` lets through what it cannot explain; where that was the own voice after all, the words tell. And
where a person spoke over the bot, its last words stand before theirs in the transcript, because audio from before the person
began is transcribed too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LEAST_WORDS = 2
"""In a row, that must be the bot's. One word alone may well be an answer to it ("Paris?")."""
LEAST_WORDS_INSIDE = 3
"""The same, where the transcript does not begin with them."""
ALIKE = 0.7
"""Share of letters that two words must have in common, so that a transcriber's slip does not make another word of it."""
_MATCH, _OTHER = 2, -1

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words_of(text: str) -> list[str]:
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def without_own_words(heard: str, said: Sequence[str]) -> str:
    """`heard` without what repeats `said` (the bot's words as `words_of` gives them, those that can be in this audio)."""
    while (run := _longest_repetition(words_of(heard), said)) is not None:
        places = [match.span() for match in _WORD.finditer(heard)]
        before = heard[: places[run.first][0]].rstrip()
        after = heard[places[run.stop - 1][1] :].lstrip(" .,;:!?…-")
        heard = f"{before} {after}".strip()
    return heard


@dataclass(frozen=True, slots=True)
class _Run:
    """Words `first` to `stop` of what was heard."""

    first: int
    stop: int
    alike: int
    """How many of them are words that were said."""


def _longest_repetition(heard: Sequence[str], said: Sequence[str]) -> _Run | None:
    """By local alignment (Smith and Waterman): the best place where what was heard follows what was said, word by word."""
    best: tuple[int, _Run] = (0, _Run(0, 0, 0))
    above: list[tuple[int, _Run]] = [(0, _Run(0, 0, 0))] * (len(said) + 1)
    for i, word in enumerate(heard):
        row: list[tuple[int, _Run]] = [(0, _Run(i + 1, i + 1, 0))]
        for j, own in enumerate(said):
            same = _alike(word, own)
            score, run = above[j]
            start = run.first if score else i
            candidates = [
                (score + (_MATCH if same else _OTHER), _Run(start, i + 1, run.alike + same if score else int(same))),
                (above[j + 1][0] + _OTHER, _Run(above[j + 1][1].first, i + 1, above[j + 1][1].alike)),
                (row[j][0] + _OTHER, row[j][1]),
            ]
            cell = max(candidates, key=lambda candidate: candidate[0])
            row.append(cell if cell[0] > 0 else (0, _Run(i + 1, i + 1, 0)))
            if same and cell[0] > best[0] and cell[1].stop == i + 1:
                best = cell
        above = row
    run = best[1]
    least = LEAST_WORDS if run.first == 0 else LEAST_WORDS_INSIDE
    return run if run.alike >= least else None


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 4:
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= ALIKE
