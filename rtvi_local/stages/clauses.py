"""Text that arrives in pieces, cut into pieces that can be spoken well.

The first clause comes as early as it can, because somebody is waiting for it; the later ones are longer, because a voice that
knows the whole sentence speaks it better, and there is time: while the first is heard, a model writes two to five times as
many words on two cores (it writes 23 to 44 tokens a second, a voice says 3 words).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How many words a clause must have before it ends at …"""

    mark: int
    """… a comma, semicolon, colon, dash or ellipsis,"""
    verb: int
    """… the verb, after a subject of so many words,"""
    conjunction: int
    """… a word that begins a new thought,"""
    preposition: int
    """… a word that begins a new phrase,"""
    space: int
    """… any space at all."""


PATIENCE = (Patience(2, 3, 5, 4, 9), Patience(5, 10, 10, 14, 26), Patience(12, 22, 22, 28, 40))
"""Of the first clause, the second, and all others. A sentence's end always ends a clause."""
NEVER = 1 << 30
WHOLE_SENTENCES = (Patience(NEVER, NEVER, NEVER, NEVER, NEVER),)
"""For text that nobody has to wait for a voice to speak."""

_SENTENCE_MARKS = ".!?…。！？｡؟۔।॥"
_CLAUSE_MARKS = ",;:—–，、；：،؛"
_OPENING, _CLOSING = "([{（「『【“«", ")]}）」』】”»"
_QUOTES = '"“«「『'
_CLOSERS = _CLOSING + "\"'’*_"
"""What belongs to the sentence before it, if it follows its mark."""
_MOST_INSIDE = 160
"""Characters after which an opening bracket or quotation mark is taken for one that is never closed."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONJUNCTIONS = _words("and but or so because while although though which who where when if unless until since then")
_VERBS = _words("is are was were has have had can could will would should may might does do did")
_PREPOSITIONS = _words(
    "of in on at to for from with without by about into over under after before between through during that than as"
)
_BAD_LAST_WORDS = _CONJUNCTIONS | _PREPOSITIONS | _words("a an the my your his her its our their this these those")
_ABBREVIATIONS = _words(
    "dr mr mrs ms mx prof st sr jr vs etc approx dept est fig vol ed inc ltd co corp gen col capt lt sgt rev hon pres gov sen "
    "rep jan feb apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat cf al ca bzw usw nr str"
)
"""Their full stop ends no sentence. Where one does, the clause only becomes longer."""
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
"""U.S, e.g, a.m, and the J of J. S. Bach (but I is a word: see its use)."""

_NOT_IN_WORDS = re.escape(_SENTENCE_MARKS + _CLAUSE_MARKS + _OPENING + _CLOSING) + r"\s\"`"
_TOKEN = re.compile(
    rf"""
    (?P<fence> ```|~~~ ) |
    (?P<code> `[^`\n]*`? ) |
    (?P<address> (?:\w+://|www\.) [^\s()\[\]<>"]* [^\s()\[\]<>".,;:!?] ) |
    (?P<word> [^{_NOT_IN_WORDS}]+ (?: [.,:] (?=\w) [^{_NOT_IN_WORDS}]+ )* ) |
    (?P<newline> [^\S\n]*\n ) |
    (?P<space> \s+ ) |
    (?P<mark> [{re.escape(_SENTENCE_MARKS)}]+ | [{re.escape(_CLAUSE_MARKS)}] ) |
    (?P<open> [{re.escape(_OPENING)}] ) | (?P<close> [{re.escape(_CLOSING)}] ) | (?P<quote> ["`] )
    """,
    re.VERBOSE,
)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts without spaces: two characters are about a word."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese, Khmer: a space ends a phrase, nothing ends a sentence; five characters are about a word."""


class ClauseSplitter:
    """The pieces that it gives are the text that it was given: nothing is added, changed or left out."""

    def __init__(self, patience: Sequence[Patience] = PATIENCE) -> None:
        self._patience = patience
        self._rest = ""
        self._given = 0
        self._quoted = False

    def push(self, text: str) -> list[str]:
        """Take the next piece of text, and give all clauses that are certain by now."""
        self._rest += text
        clauses = []
        while end := clause_end(self._rest, self._patience[min(self._given, len(self._patience) - 1)], quoted=self._quoted):
            clause, self._rest = self._rest[:end], self._rest[end:]
            clauses.append(clause)
            self._given += 1
            # A quotation of several sentences: the mark that ends it must not be taken for one that begins another.
            self._quoted = self._quoted ^ (clause.count('"') % 2 == 1) and not clause.endswith("\n")
        return clauses

    def flush(self) -> list[str]:
        """The text is over: give what is left, and be ready for another."""
        rest, self._rest, self._given, self._quoted = self._rest, "", 0, False
        return [rest] if rest else []


def clause_end(text: str, patience: Patience, *, quoted: bool = False) -> int:
    """Where the first clause of `text` ends, 0 if more text is needed to know. Numbers, abbreviations, addresses, code and
    what is in brackets are not cut apart. `quoted`: the text begins inside a quotation."""
    words, last_word = 0, ""
    opened = [(0, '"')] if quoted else []  # where, and by what
    for token in _TOKEN.finditer(text):
        kind, said, end = token.lastgroup, token.group(), token.end()
        inside = [mark for start, mark in opened if token.start() - start < _MOST_INSIDE]
        if kind == "fence":
            if words:
                return token.start()
            return text.find(said, end) + len(said) if said in text[end:] else 0
        if kind in ("word", "code", "address"):
            words += _count_words(said)
            last_word = said
        elif kind == "newline" and words:
            return end
        elif kind == "space" and not inside and _breaks_before(text, end, words, last_word, patience):
            return token.start()
        elif kind == "open" or (kind == "quote" and (not opened or opened[-1][1] != said)):
            opened.append((token.start(), said))
        elif kind in ("close", "quote"):
            opened = opened[:-1]
        elif kind == "mark" and words:
            if said[0] in _SENTENCE_MARKS and said[0] != "…" and not said.startswith(".."):
                may_end = all(mark in _QUOTES for mark in inside)
            else:
                may_end = not inside and words >= patience.mark
            if may_end and (cut := _mark_end(text, token, words, last_word, bool(inside))):
                return cut
    return 0


def _mark_end(text: str, mark: re.Match[str], words: int, last_word: str, quoted: bool) -> int:
    """Where the clause ends that this mark ends; 0 if it is a part of something, or may yet become one."""
    said, end = mark.group(), mark.end()
    if said == "." and (
        last_word.lower() in _ABBREVIATIONS
        or (_INITIALS.fullmatch(last_word) and last_word != "I")
        or (words == 1 and last_word.isdecimal())  # the number of a list's item
    ):
        return 0
    while end < len(text) and text[end] in _CLOSERS:
        end += 1
    if ord(said[0]) > 0x2E80:  # East Asian marks are parts of nothing
        return end
    # 3.5, 1,000, 10:30, example.org/?q, ?" and ... : what follows decides, unless the mark comes after a plain word.
    plain = (
        not quoted
        and last_word.isalpha()
        and text[mark.start() - 1].isalpha()
        and last_word.lower() not in ("http", "https", "mailto")
    )
    if "." in said or not plain:
        return end if text[end : end + 1].isspace() else 0
    return end if end == len(text) or end > mark.end() or text[end].isspace() or said in "—–" else 0


def _breaks_before(text: str, start: int, words: int, last_word: str, patience: Patience) -> bool:
    """Whether a clause of so many words may end before the word at `start`, although no mark ends it."""
    if words < patience.verb or last_word.lower() in _BAD_LAST_WORDS:
        return False
    following = _TOKEN.match(text, start)
    if following is None or following.lastgroup != "word" or following.end() == len(text):
        return False
    word = following.group().lower()
    if word in _VERBS:
        return True
    begins_thought = words >= patience.conjunction and word in _CONJUNCTIONS
    return begins_thought or (words >= patience.preposition and word in _PREPOSITIONS) or words >= patience.space


def _count_words(token: str) -> int:
    if wide := len(_WIDE.findall(token)):
        return (wide + 1) // 2
    if unspaced := len(_UNSPACED.findall(token)):
        return (unspaced + 4) // 5
    return int(any(character.isalnum() for character in token))
