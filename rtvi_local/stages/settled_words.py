"""Which of the words heard so far nothing will change any more, and from where on the audio has still to be transcribed. Pure.

Whisper takes time for every word, so a long utterance would pay for all of them at its end. But while a person speaks, what
they said seconds ago comes out the same in every pass. Words that two passes agree on are settled (LocalAgreement-2, Macháček
et al. 2023), and the audio is cut in front of the last three of them: those are heard again, so that no sound of a word that
matters is cut, and taken out of the text by what they were.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, TimedWord

TRAIL_S = 0.7
"""How long before the end of the earlier pass's audio a word must have ended: what is nearer may only have begun."""
OVERLAP_WORDS = 3
LEAST_CUT_S = 1.0
"""A cut saves time at the end of a turn, and each one is a chance to mishear: not for less."""
_LONGEST_SLIP, _SURE_LETTERS = 4, 16
"""So many letters at most may differ between two passes, and so many have to be the same behind them: then both heard the same
words but for one, which more audio will not decide. The later pass is believed."""
_EXPECTED_LETTERS = 16
"""How much of what followed the overlap helps to find its end."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What is decided about an utterance."""

    text: str = ""
    begin: int = 0
    """The first sample of the utterance (16 kHz) that is still to be transcribed."""
    overlap: str = ""
    """The end of `text`, which sounds again behind `begin`."""
    expected: str = ""
    """What was heard behind `text` when it was settled."""

    def fits(self, heard: str) -> bool:
        """Whether this transcription of the audio from `begin` on may be right: it begins with what was heard there before."""
        known, letters = _letters(self.overlap)[1], _letters(heard)[1]
        return not known or min(_distances(known, letters[: 3 * len(known)], anywhere=True)) <= len(known) / 2

    def rest(self, heard: str) -> str:
        """What a transcription of the audio from `begin` on adds to `text`."""
        rest = heard[_end_of(self.overlap, self.expected, heard) :] if self.overlap else heard
        head, expected = rest.lstrip(), self.expected.lstrip()
        if head[:1] != expected[:1] and head[:1].casefold() == expected[:1].casefold():
            # Audio that begins within a sentence comes out as if a sentence began.
            rest = rest.replace(head[:1], expected[:1], 1)
        return rest

    def joined(self, rest: str) -> str:
        space = " " if self.text and _is_word_start(rest[:1]) else ""
        return f"{self.text}{space}{rest}".strip()


def settle(settled: Settled, earlier: str, earlier_until_s: float, words: Sequence[TimedWord]) -> Settled:
    """What is decided after two passes over the audio from `settled.begin` on. The earlier one heard `earlier` behind the
    settled words, in audio that ended `earlier_until_s` after `begin`; the later one heard `words`, the overlap with them."""
    spoken = "".join(word.text for word in words)
    skipped = len(spoken) - len(settled.rest(spoken))
    agreed = skipped + _agreement(earlier, spoken[skipped:])
    ends = [sum(len(word.text) for word in words[: number + 1]) for number in range(len(words))]
    for last in reversed(range(OVERLAP_WORDS, len(words) - 1)):
        if ends[last] > agreed or words[last].end_s > earlier_until_s - TRAIL_S:
            continue
        first = last - OVERLAP_WORDS + 1
        cut_s = (words[first - 1].end_s + words[first].start_s) / 2
        if cut_s < LEAST_CUT_S or ends[last] <= skipped:
            break
        return Settled(
            text=settled.joined(settled.rest(spoken)[: ends[last] - skipped]),
            begin=settled.begin + int(cut_s * LISTENING_SAMPLE_RATE),
            overlap=spoken[ends[first - 1] : ends[last]],
            expected=spoken[ends[last] :],
        )
    return settled


def _agreement(one: str, other: str) -> int:
    """How many characters of `other` come before the first letters that differ from `one`, and are not followed by enough that
    are the same again: "the stool" or "this tool", pass by pass, would else keep all that follows from being settled."""
    positions, letters = _letters(other)
    expected = _letters(one)[1]
    at, there = 0, 0
    while True:
        same = _same(expected[there:], letters[at:])
        at, there = at + same, there + same
        if at == len(letters):
            return len(other)
        mended = [
            (skipped, left_out)
            for skipped in range(_LONGEST_SLIP + 1)
            for left_out in range(_LONGEST_SLIP + 1)
            if _same(expected[there + left_out :], letters[at + skipped :]) >= _SURE_LETTERS
        ]
        if not mended:
            return positions[at]
        skipped, left_out = min(mended, key=sum)
        at, there = at + skipped, there + left_out


def _same(one: str, other: str) -> int:
    """How many letters they begin with together."""
    return next((count for count, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _letters(text: str) -> tuple[list[int], str]:
    """The letters and digits alone, without case, and where in `text` each is."""
    kept = [(position, letter.casefold()[0]) for position, letter in enumerate(text) if letter.isalnum()]
    return [position for position, _ in kept], "".join(letter for _, letter in kept)


def _end_of(overlap: str, expected: str, heard: str) -> int:
    """Where in `heard` the words end that were known before: between words, where both sides fit best what was heard then."""
    positions, letters = _letters(heard)
    known, follows = _letters(overlap)[1], _letters(expected)[1][:_EXPECTED_LETTERS]
    before = _distances(known, letters, anywhere=False)
    after = _distances(follows[::-1], letters[::-1], anywhere=True)[::-1]
    ends = [end for end in range(len(letters) + 1) if _is_between_words(heard, positions, end)]
    best = min(ends, key=lambda end: (before[end] + after[end], abs(end - len(known))))
    if best == 0:
        return 0
    if best == len(letters):
        return len(heard)
    # The marks behind a word belong to it, and those behind the space to the next.
    gap = range(positions[best - 1] + 1, positions[best])
    return next((position for position in gap if heard[position].isspace()), positions[best])


def _is_word_start(character: str) -> bool:
    return character.isalnum() and unicodedata.category(character) != "Lo"


def _is_between_words(text: str, positions: Sequence[int], end: int) -> bool:
    """Whether no word goes on across the `end`-th letter; between letters of scripts without spaces none does."""
    if end in (0, len(positions)):
        return True
    before, after = positions[end - 1], positions[end]
    if any(character.isspace() for character in text[before:after]):
        return True
    return "Lo" in (unicodedata.category(text[before]), unicodedata.category(text[after]))


def _distances(pattern: str, text: str, *, anywhere: bool) -> list[int]:
    """Edit distance of `pattern` to each beginning of `text`; with `anywhere`, to the best piece that ends there."""
    row = [0 if anywhere else end for end in range(len(text) + 1)]
    for number, letter in enumerate(pattern, 1):
        diagonal, row[0] = row[0], number
        for end, other in enumerate(text, 1):
            diagonal, row[end] = row[end], min(diagonal + (letter != other), row[end] + 1, row[end - 1] + 1)
    return row
