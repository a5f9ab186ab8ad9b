"""Whether what was said asleep is worth being transcribed for a trigger phrase. Pure.

A transcription takes a step of Whisper's decoder for each of its words, and these are two thirds of what it costs. How well
*given* words fit takes one step for all of them together. So the phrases are tried first, and what none of them fits is not
transcribed; the transcript still has the last word on what wakes. Of a phrase two things are asked: whether its first word was
said, for it may go on after a pause, and whether the others follow if the first was. The decoder finds these wherever in the
audio they are, as long as all of the audio is shown to it: cut off within a command, not even the phrase before it is found.
"""

from __future__ import annotations

from collections.abc import Sequence

LEAST_FIT = -7.0
"""Natural logarithm of the likelihood of a word, from which on it may have been said. Of 160 times that four phrases were said,
at five speeds and before three crowds, alone and with a command behind, the first word or the others came to -3.3 or more every
time; of 179 pieces of other speech at most 7 in a hundred came to -7. All this was counted once, when the limit was chosen: it
leaves room for names that Whisper does not know."""


def texts_of(phrases: Sequence[str]) -> tuple[str, ...]:
    """What is to be tried: of each phrase the first word, and the whole, as they begin a sentence."""
    return tuple(text.capitalize() for phrase in phrases for text in (phrase.split()[0], phrase))


def may_hold(phrases: Sequence[str], fits: Sequence[float]) -> bool:
    """Whether one of the phrases, or the beginning of one, may have been said. `fits`: log-likelihoods of `texts_of` them."""
    return any(map(_may_be, phrases, fits[::2], fits[1::2]))


def _may_be(phrase: str, of_first: float, of_whole: float) -> bool:
    others = len(phrase.split()) - 1
    return of_first >= LEAST_FIT or (others > 0 and of_whole - of_first >= LEAST_FIT * others)
