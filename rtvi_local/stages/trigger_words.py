"""Finding a trigger phrase in a transcript, however Whisper spelt it. Pure.

Whisper writes names that it does not know as words that it knows ("Okay, now boo"), splits and joins them, adds punctuation.
So what is compared is not letters but, roughly, sounds: both sides become a string of symbols, one for a run of vowels or a
consonant, without the borders of words, and an edit distance in which similar sounds are near says how alike they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

STRICT = 0.16
"""Largest distance, per symbol of the phrase, at which words alone decide that it was said. "Hey commuter" is 0.1 away from
"hey computer", "okay maybe" 0.16 from "okay nabu"."""
LOOSE = 0.4
"""The same where something else has recognised the phrase already, and only its place in the text is looked for."""

Where = Literal["start", "sentences", "anywhere"]
"""Only at the very start, at the start of any sentence, or at any word."""


@dataclass(frozen=True, slots=True)
class Match:
    phrase: str
    rest: str
    """What was said after the phrase, to be taken for the whole."""


_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_BETWEEN = " ,.;:!?…-–—。，！？"
"""Punctuation that stood between the phrase and the rest."""
_SENTENCE_END = re.compile(r"[.!?…。！？]")
_OKAY = re.compile(r"^o\.?k(?:ay|ey|é)?$")


def find(text: str, phrases: Sequence[str], where: Where = "start", tolerance: float = STRICT) -> Match | None:
    """The first place in `text` that sounds like one of `phrases`, at the best fitting length, or None."""
    words = list(_WORD.finditer(text))
    for first in _starts(text, words, where):
        found = _best(words[first:], phrases, tolerance)
        if found is not None:
            phrase, count = found
            return Match(phrase, _as_a_whole(text[words[first + count - 1].end() :]))
    return None


def may_become(text: str, phrases: Sequence[str]) -> bool:
    """Whether `text` is the beginning of one of the phrases, which may follow after a pause ("hey … computer")."""
    said = _WORD.findall(text)
    for phrase in phrases:
        parts = phrase.split()
        if any(distance(said, parts[:count]) <= STRICT for count in range(1, len(parts))):
            return True
    return False


def distance(words: Sequence[str], phrase: Sequence[str]) -> float:
    """How differently the two sound, per symbol of `phrase`; 0 is the same."""
    wanted = _sounds(phrase)
    return _edits(_sounds(words), wanted) / max(1, len(wanted))


def _starts(text: str, words: Sequence[re.Match[str]], where: Where) -> Iterator[int]:
    for index, word in enumerate(words):
        begins_sentence = index == 0 or _SENTENCE_END.search(text, words[index - 1].end(), word.start()) is not None
        if where == "anywhere" or index == 0 or (where == "sentences" and begins_sentence):
            yield index


def _best(words: Sequence[re.Match[str]], phrases: Sequence[str], tolerance: float) -> tuple[str, int] | None:
    """The phrase that the first words sound most like, and how many words it is; the shortest of equals."""
    candidates = [
        (distance([word[0] for word in words[:count]], phrase.split()), count, phrase)
        for phrase in phrases
        for count in range(1, min(len(words), len(phrase.split()) + 2) + 1)
    ]
    if not candidates:
        return None
    far, count, phrase = min(candidates)
    return (phrase, count) if far <= tolerance else None


def _as_a_whole(rest: str) -> str:
    """What follows the phrase, as a sentence of its own."""
    stripped = rest.strip().lstrip(_BETWEEN)
    return stripped[0].upper() + stripped[1:] if _WORD.search(stripped) else ""


# --- from spelling to sound --------------------------------------------------------------------------------------------

_SPELLINGS = (
    ("tch", "C"), ("sch", "S"), ("sh", "S"), ("ch", "C"), ("ph", "f"), ("th", "T"), ("ck", "k"), ("gh", ""), ("wh", "w"),
    ("qu", "kw"), ("x", "ks"), ("q", "k"), ("dg", "j"), ("kn", "n"), ("wr", "r"), ("mb", "m"),
    ("ce", "se"), ("ci", "si"), ("cy", "sy"), ("c", "k"), ("z", "s"), ("v", "f"), ("j", "C"),
)  # fmt: skip
_VOWELS = re.compile(r"[aeiouyäöü]+[hw]?(?![aeiou])|[aeiouäöü]+")
_FRONT, _BACK, _OPEN = "i", "u", "a"
_NEAR = tuple(
    frozenset(pair) for pair in ("mn", "bp", "dt", "gk", "Ss", "SC", "Tt", "Tf", "Td", "Ts", "ui", "ua", "ai", "lr", "bf", "pf")
)
_NEAR_COST = 0.4


def _sounds(words: Sequence[str]) -> str:
    return "".join(_word_sounds(word) for word in words)


def _word_sounds(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.lower()).replace("’", "").replace("'", "")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    if _OKAY.match(plain):
        plain = "okay"
    plain = plain.replace(".", "")
    for written, spoken in _SPELLINGS:
        plain = plain.replace(written, spoken)
    # The y of "you" is a consonant, and the e of "have" is silent.
    plain = re.sub(r"^y(?=[aeiou])", "Y", plain)
    if len(plain) > 3:
        plain = re.sub(r"(?<=[^aeiouy])e$", "", plain)
    plain = _VOWELS.sub(lambda run: _vowel(run[0]), plain)
    return re.sub(r"(.)\1+", r"\1", plain)


def _vowel(run: str) -> str:
    if run[0] == "a" and run[-1] not in "yi":
        return _OPEN
    if run[0] in "eiy" or run[-1] in "yi":
        return _FRONT
    return _BACK


def _edits(said: str, wanted: str) -> float:
    """Levenshtein's distance; similar sounds cost less to exchange, and a vowel less to add or leave out."""
    row = [0.0]
    for symbol in wanted:
        row.append(row[-1] + _alone(symbol))
    for heard in said:
        last, row = row, [row[0] + _alone(heard)]
        for column, symbol in enumerate(wanted, 1):
            row.append(min(last[column] + _alone(heard), row[-1] + _alone(symbol), last[column - 1] + _exchange(heard, symbol)))
    return row[-1]


def _alone(symbol: str) -> float:
    return 0.7 if symbol in "iua" else 1.0


def _exchange(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return _NEAR_COST if frozenset((one, other)) in _NEAR else 1.0
