"""What of a text is said aloud: no markup, no code, no emoji, no addresses, and numbers with their units as people say them.

A clause is cut out of a stream, so its markers may be unbalanced ("**bold" and no end): every rule here also holds for half
a pair. Each character keeps its place in the original, so that a caption can follow the voice. Prose comes out as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class _Rule:
    """What `pattern` finds becomes `pieces`: numbers are its groups, strings stand for themselves."""

    pattern: re.Pattern[str]
    pieces: tuple[str | int, ...]


def _rule(pattern: str, *pieces: str | int) -> _Rule:
    return _Rule(re.compile(pattern, re.MULTILINE), pieces)


_EMOJI = (
    "\\U0001F000-\\U0001FAFF\\u2300-\\u23FF\\u25A0-\\u27BF\\u2900-\\u297F\\u2B00-\\u2BFF\\u2190-\\u21FF\\u2022\\u2043"
    "\\uFE0E\\uFE0F\\u200D\\u20E3\\U000E0020-\\U000E007F"
)

_MARKUP = (
    _rule(r"(```|~~~)[\s\S]*?(?:\1|\Z)"),
    _rule(r"<!--[\s\S]*?(?:-->|\Z)"),
    _rule(r"</?[A-Za-z][^<>\n]*>|<br", " "),
    _rule(r"`(\w[\w .,'/-]*)(?:`|\Z)", 1),
    _rule(r"`[^`\n]+`", "code"),
    _rule(r"!?\[\^[^\]\n]*\]"),
    _rule(r"!?\[([^\]\n]*)\](?:\([^)\n]*\)?|\[[^\]\n]*\])", 1),
    _rule(r"<?(?:\w+://|www\.)[^\s<>]*[^\s<>.,;:!?)\]]>?", "link"),
    _rule(r"\\([\\`*_{}\[\]()#+.!|$-])", 1),
    _rule(r"^[ \t]*\|?[ \t]*:?[-=]{2,}[-=:| \t]*$"),
    _rule(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$"),
    _rule(r"[ \t]*\|[ \t]*", ", "),
    _rule(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?)+"),
    _rule(r"[ \t]*(?:->|=>|[→⇒➔➜])[ \t]*", ", "),
    _rule(f"[{_EMOJI}]+"),
)
_ENGLISH = (
    # espeak takes the full stop of a title for a sentence's, and pauses between "Doctor" and the name.
    _rule(r"\b(Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Lt|Sgt|Gen|Capt)\.(?=\s+[\w])", 1),
    _rule(r"\b([ap]\.m)\.(?=\s+[a-z])", 1),
    # "$3.50" it reads as "dollar three point five zero", "£3" as "pound three".
    *(
        rule
        for sign, one, many, part in (("\\$", " dollar", " dollars", " cents"), ("€", " euro", " euros", " cents"),
                                      ("£", " pound", " pounds", " pence"))
        for rule in (
            _rule(rf"{sign}(1)(?![\d.,]*\d| (?:thousand|million|billion|trillion))", 1, one),
            _rule(rf"{sign}(\d[\d,]*)\.00(?!\d)", 1, many),
            _rule(rf"{sign}(\d[\d,]*)\.(\d\d)(?!\d)(?! (?:thousand|million|billion|trillion))", 1, many + " and ", 2, part),
            _rule(rf"{sign}(\d[\d.,]*\d|\d)( (?:thousand|million|billion|trillion))?", 1, 2, many),
        )
    ),
    _rule(r"(?<=\d)\s?km/h\b", " kilometers per hour"),
    _rule(r"(?<=\d)\s?m/s\b", " meters per second"),
    _rule(r"(?<=\d)\s?mph\b", " miles per hour"),
    _rule(r"(?<=\d)\s?km\b", " kilometers"),
    _rule(r"(?<=\d)\s?cm\b", " centimeters"),
    _rule(r"(?<=\d)\s?mm\b", " millimeters"),
    _rule(r"(?<=\d)\s?kg\b", " kilograms"),
    _rule(r"(?<=\d)\s?°\s?C\b", " degrees Celsius"),
    _rule(r"(?<=\d)\s?°\s?F\b", " degrees Fahrenheit"),
    _rule(r"(?<![\w#])#(?=\d)", "number "),
    _rule(r"(?<![\w~])[~≈]\s?(?=\d)", "about "),
    _rule(r"(?<=\d)\s*\*\s*(?=\d)", " times "),
    _rule(r"(?<=\s)<\s?(?=\d)", "less than "),
    _rule(r"(?<=\s)>\s?(?=\d)", "more than "),
    _rule(r"(?<![\w.,/-])(\d{1,4})–(\d{1,4})(?![\w/–-])", 1, " to ", 2),
    _rule(r"(?<![\w.,/-])(\d{1,2})-(\d{1,2})(?![\w/-])", 1, " to ", 2),
)  # fmt: skip
_TIDY = (
    _rule(r"\*+|~~+|(?<![^\W_])_+|_+(?![^\W_])"),
    _rule(r"(?<=[^\W\d])/(?=[^\W\d])|_", " "),
    _rule(r"[\\^`~<>{}\[\]#]+"),
    # espeak runs the words around an ellipsis, a lone hyphen or a tight dash into one.
    _rule(r"\s*(?:\.{2,}|…)(?=\s*[^\W_])", ","),
    _rule(r"\s*(?:\.{2,}|…)", "."),
    _rule(r"(?<=\w)\s+-+(?=\s+\w)|(?<=\w)[—]+(?=\w)", ", "),
    _rule(r"(?:\s*,)+(?=\s*,)|\s+(?=,)"),
    # It says "exclamation" for a mark that stands alone, which is what is left of "?!" in the clause after.
    _rule(r"\A(?:[\s!?.,;:)…—–]|-(?!\d))+(?=\s|[^\W\d]|\Z)"),
    _rule(r"\A\s+|\s+\Z"),
    _rule(r"\s+", " "),
)


@cache
def _rules(language: str) -> tuple[_Rule, ...]:
    return _MARKUP + (_ENGLISH if language == "en" else ()) + _TIDY


def spoken(text: str, language: str = "en") -> str:
    """What the voice says of `text`; empty if it can say nothing. Words are put in only where `language` is "en"."""
    return spoken_with_offsets(text, language)[0]


def spoken_with_offsets(text: str, language: str = "en") -> tuple[str, tuple[int, ...]]:
    """What the voice says, and for each of its words how many characters of `text` have been read when it has been said.

    The offsets never fall, and the last is len(text): a marker belongs to the word before it, and so does all that is left
    out at the end.
    """
    said, places = text, [(index, index + 1) for index in range(len(text))]
    for rule in _rules(language):
        said, places = _rewrite(rule, said, places)
    if not any(character.isalnum() for character in said):
        return "", ()
    words = [match.span() for match in re.finditer(r"\S+", said)]
    ends: list[int] = []
    for number, (first, last) in enumerate(words):
        end = max([*ends[-1:], *(place[1] for place in places[first:last])])
        limit = places[words[number + 1][0]][0] if number + 1 < len(words) else len(text)
        while end < limit and not text[end].isspace():
            end += 1
        ends.append(end)
    return said, (*ends[:-1], len(text))


def _rewrite(rule: _Rule, text: str, places: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Apply a rule everywhere. What it keeps keeps its place in the original; what it puts in has that of what it replaces."""
    result: list[str] = []
    kept: list[tuple[int, int]] = []
    done = 0

    def keep(first: int, last: int) -> None:
        result.append(text[first:last])
        kept.extend(places[first:last])

    for match in rule.pattern.finditer(text):
        if match.end() == match.start():
            continue
        keep(done, match.start())
        done = match.end()
        for piece in rule.pieces:
            if isinstance(piece, int):
                keep(*match.span(piece)) if match.group(piece) else None
            else:
                result.append(piece)
                kept.extend([(places[match.start()][0], places[done - 1][1])] * len(piece))
    if not done:
        return text, places
    keep(done, len(text))
    return "".join(result), kept
