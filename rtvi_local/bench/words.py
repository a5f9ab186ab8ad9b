"""Word error rate: how many words a transcription got wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SAME = {"ok": "okay", "oclock": "o'clock", "mr": "mister", "am": "a.m.", "pm": "p.m."}


def number_words(number: int) -> str:
    """English words for 0 to 999,999; 42 is 'forty two'."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + ("" if number % 10 == 0 else " " + _ONES[number % 10])
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    rest = number % size
    return f"{number_words(number // size)} {name}" + ("" if rest == 0 else " " + number_words(rest))


def normalised_words(text: str) -> list[str]:
    """Lower case, no punctuation, numbers as words; 5:00, 5 o'clock and five o'clock are the same."""
    text = re.sub(r"\b(\d{1,2}):00\b(?!\s*o['’]?clock)", r"\1 o'clock", text.lower().replace("’", "'"))
    text = re.sub(r"(?<=\d)[:,](?=\d\d)", " ", text) if ":" in text else re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\d{1,6}", lambda digits: f" {number_words(int(digits.group()))} ", text)
    words = re.sub(r"[^\w\s]|_", "", text.replace("-", " ")).split()
    return [_SAME.get(word, word).replace("'", "").replace(".", "") for word in words]


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions that turn one into the other (Levenshtein)."""
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, 1):
            diagonal, costs[column] = costs[column], min(diagonal + (word != other), costs[column] + 1, costs[column - 1] + 1)
    return costs[-1]
