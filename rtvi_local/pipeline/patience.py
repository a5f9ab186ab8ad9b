"""How much silence ends a turn: what the turn detector thinks, how the words end, and how long this person's pauses are. Pure.

Figures from `python -m rtvi_local.bench.turns.offline`, which plays pauses and ends of utterances to the real ears. There the
detector gave an end less than 0.1 in 1 of 10, and a pause more than 0.9 in 1 of 4: neither signal is enough alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

LONGEST_SILENCE_MS = 1330.0
"""However incomplete an utterance sounds: peers that wait 3 to 5 s on a wrong "incomplete" are what people complain of. From
outside it is 0.1 s more, which the voice activity detector trails the last sound by, and must stay below 1.5 s."""
PACE_MARGIN_MS = 200.0
"""Beyond the pauses that somebody is known to make."""
_PACE_MEMORY = 0.8
"""What is left of a long pause after a turn without one."""
_SURE = 0.8
"""The detector's probability from which it is believed, if the words don't contradict."""


class Shape(Enum):
    """How words end."""

    UNFINISHED = "more must come"
    NUMBER = "a number that is being read out"
    UNMARKED = "the transcriber put no mark behind them"
    FRAGMENT = "the transcriber put no capital before them, or they only name something"
    OPEN = "may be over"
    FINISHED = "a whole question, or an answer in a word or two"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DANGLING = _set(
    "and but or so because although while if unless until since whether than as that which whose of to for from with without "
    "between into about at by toward towards during a an the my your his its our their every um uh er erm hmm like i i'm we "
    "they he she it's is are was were am be gonna wanna and/or plus minus times eh any every each several another such very "
    "mister mr mrs doctor dr let's there's what's that's who's where's"
)
"""Words that seldom end anything that somebody wants answered. `in`, `on`, `up`, `her`, `this` often do."""
_WANTS_OBJECT = _set("need needs want wants prefer require requires bring buy send give")
"""Verbs that end a question for their object ("what do you need?"), but little else."""
_POSSESSIVES = _set("my your his her our their")
"""Before what somebody begins to talk of: "my brother". As an answer it is whole, and waits half a second."""
_MODALS = _set("can could will would shall should may might must")
"""They end an answer ("yes, I would"), or a sentence's beginning ("my doctor said that I should")."""
_QUESTION_WORDS = _set("what who whom whose when where why how which")
_KNOWN_UNKNOWN = re.compile(r"\b(?:don't|not|no|say|you know|since|until|by|or|and|guess|exactly) (?:\w+ ){0,2}\w+$")
"""Before a question word that ends a sentence: "I don't know why", "say what", "since when"."""
_FINISHED_ENDS = (
    "what is that", "who is that", "what's that", "like that", "do that", "did that", "say that", "repeat that", "about that",
    "i am", "we are", "they are", "it is", "he is", "she is", "you are", "there is", "it was", "what for", "where to",
    "where from", "think so", "hope so", "come with", "worry about",
)  # fmt: skip
"""Exceptions from the above, in short turns."""
_DANGLING_STARTS = re.compile(
    r"^(?:(?:um|uh|so|well|and|okay|please|hey)[ ,]+)*(?:"
    r"(?:(?:could|can|would|will) you )?(?:please )?"
    r"(?:tell|show|give|find|get|bring|send|buy|lend|pass|teach|remind) (?:me|us|him|her|them)(?:,? (?:eh|uh|um|a|the))?|"
    r"(?:could|can|would|will) you(?: please)?|do you (?:know|think)(?: whether| weather)?|"
    r"i was (?:wondering|thinking)|i think|i thought|i mean|i heard|it seems|it would be (?:nice|good|great|better)(?: too?)?|"
    r"i'm not sure (?:it|if)|"
    r"(?:i|we|they|you|he|she) (?:told|asked|called|reminded) (?:me|us|him|her|them)"
    r"(?: (?:the|there|a|about))?|(?:and |but )?so,? my(?: [\w'-]+){1,3}|"
    r"(?:i|we|they|you|he|she)(?: would|'d) (?:rather|like)|i want|i need|let me(?: know)?|what about|how about|the thing is|"
    r"how do you say|what do you call)\W*$"
)
"""Beginnings that are all there is so far."""
_CLAUSE_STARTS = re.compile(
    r"^(?:(?:and|so|but|well)[ ,]+)*(?:if|because|although|though|while|unless|since|whenever|as soon as|as long as|in case|"
    r"even if|even though|now that|by the time|when (?:i|we|you|they|it|he|she|the|my)|"
    r"(?:before|after|until|once|as) (?:i|we|you|they|it|he|she)) "
)
"""Of a clause that needs another one. "Before noon" and "after the meeting" are answers."""
_DESCRIBED = re.compile(
    r"^(?:(?:and|so|but|well)[ ,]+)*(?:my|your|his|her|our|their|the|an?|this|that)(?: [\w'-]+){1,3},? "
    r"(?:who|whose|which) [^,]*$"
)
"""Who or what somebody begins to talk of, but not yet what they do: "my brother, who lives in Canada"."""
_MAY_END_WITH_TOO = _set("i i'm i'd me you you're we they he she it it's that that's this yes yeah no my and so")
"""What begins a sentence that ends with it. "Turn the heating up, too." and "Please remind me too." were going to be more."""
_MISHEARD_WHETHER = re.compile(r"\b(?:know|decide|see|wonder|sure|ask|check) weather\W*$")
_SHORT_CLAUSE_WORDS = 8
_QUESTION = re.compile(
    r"^(?:(?:um|uh|so|well|and|okay|but|hey|please)[ ,]+)*(?:what|who|whom|whose|when|where|why|how|which|is|are|am|was|were|"
    r"do|does|did|can|could|will|would|shall|should|may|has|have|had|what's|who's|where's|how's|when's|isn't|aren't|don't|can't)\b"
)
_ANSWERS = _set(
    "yes no yeah yep nope yup sure okay ok maybe right correct wrong never always none nothing stop hello hi thanks"
)
_NUMBER_WANTED = re.compile(r"\b(?:numbers?|code|pin|address|zip|postcode|card|account|extension|digits?|password)\b")
_DIGITS_AT_END = re.compile(r"(?:\d[\d ,.\-]*|\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double)\b)\W*$")
_LONG_NUMBER = re.compile(r"\b(?:phone|numbers?|card|account)\b")
_LONG_DIGITS, _SHORT_DIGITS = 7, 4
"""How many make a whole phone number, a whole code. Shorter ones may be whole too; they wait a little longer."""
_WORD = re.compile(r"[^\W_]+(?:['’/-][^\W_]+)*")


def shape(text: str) -> Shape:
    """How the words of a turn end. Made for English; in other languages the marks alone tell."""
    plain = text.strip().lower().replace("’", "'")
    words = _WORD.findall(plain)
    if not words:
        return Shape.OPEN
    if plain.endswith(("...", "…", ",", "-", "–", "—", ":")):
        return Shape.UNFINISHED
    if len(words) <= 2 and words[0] in _ANSWERS:
        return Shape.FINISHED
    if _DIGITS_AT_END.search(plain) and _NUMBER_WANTED.search(plain):
        whole = _LONG_DIGITS if _LONG_NUMBER.search(plain) else _SHORT_DIGITS
        if sum(character.isdigit() for character in plain) < whole:
            return Shape.NUMBER
    ending = " ".join(words[-3:])
    if _DANGLING_STARTS.match(plain):
        return Shape.UNFINISHED
    if words[-1] in _DANGLING and not (len(words) <= 6 and ending.endswith(_FINISHED_ENDS)):
        return Shape.UNFINISHED
    if _lacks_its_object(words, plain):
        return Shape.UNFINISHED
    if len(words) <= _SHORT_CLAUSE_WORDS and not plain.endswith("?"):
        if "," not in plain and _CLAUSE_STARTS.match(plain):
            return Shape.UNFINISHED
        if _DESCRIBED.match(plain):
            return Shape.UNFINISHED
    # Whisper begins most of what sounds whole with a capital and ends it with a mark; what it leaves without is often cut off.
    if len(words) > 3 and plain[-1].isalpha() and plain[-1].isascii():
        return Shape.UNMARKED
    names = len(words) <= 3 and words[0] in _POSSESSIVES
    if (names or text.strip()[0].islower()) and not plain.endswith("?"):
        return Shape.FRAGMENT
    if plain.endswith("?") and _QUESTION.match(plain):
        return Shape.FINISHED
    return Shape.OPEN


def _lacks_its_object(words: Sequence[str], plain: str) -> bool:
    """Whether the last word, of three at least, calls for more: "we're going to need", "let me know when"."""
    last = words[-1]
    if len(words) < 3:
        return False
    if last in _WANTS_OBJECT:
        return words[0] not in _QUESTION_WORDS and words[-3] not in ("all", "everything", "what", "that's")
    if last in _MODALS:
        return len(words) > 3 and words[0] not in _ANSWERS and words[-3] not in ("as", "than")
    if last == "too":
        return words[0] not in _MAY_END_WITH_TOO
    if last == "some":
        return not plain.endswith("?")
    if last in _QUESTION_WORDS:
        return _KNOWN_UNKNOWN.search(" ".join(words)) is None
    return _MISHEARD_WHETHER.search(plain) is not None


_UNFINISHED: Sequence[tuple[float, float]] = ((0.0, 1.0), (0.9, 1.0), (1.0, 0.9))
_NUMBER: Sequence[tuple[float, float]] = ((0.0, 1.0), (1.0, 0.9))
_UNMARKED: Sequence[tuple[float, float]] = ((0.0, 1.0), (0.7, 0.8), (0.95, 0.25))
_FRAGMENT: Sequence[tuple[float, float]] = ((0.0, 1.0), (0.06, 1.0), (0.1, 0.6), (0.7, 0.6), (0.95, 0.25))
_OPEN: Sequence[tuple[float, float]] = ((0.0, 1.0), (0.06, 1.0), (0.1, 0.46), (0.5, 0.35), (_SURE, 0.0))
_FINISHED: Sequence[tuple[float, float]] = ((0.0, 0.46), (0.1, 0.4), (0.5, 0.15), (0.7, 0.0))
_CURVES = {
    Shape.UNFINISHED: _UNFINISHED,
    Shape.NUMBER: _NUMBER,
    Shape.UNMARKED: _UNMARKED,
    Shape.FRAGMENT: _FRAGMENT,
    Shape.OPEN: _OPEN,
    Shape.FINISHED: _FINISHED,
}
"""By the detector's probability: the way from the wait for what is complete (0) to the wait for what is not (1)."""


_BROKEN_OFF: Sequence[tuple[float, float]] = ((-9.0, 1.0), (-7.0, 0.75), (-5.0, 0.0))
"""The same way, by the language model's log-probability of a sentence's end behind the words. Of 47 whole
utterances of three words and more 2 were below -5, of 62 broken off 57 were."""
_WHOLE: Sequence[tuple[float, float]] = ((-3.0, 1.0), (-1.5, 0.4))
"""What is left of the detector's doubt where the language model has none. Of 60 whole utterances 43 were above -3."""
_FEWEST_WORDS = 3
"""Answers of a word or two end anywhere."""


def wait_ms(
    probability: float | None,
    text: str,
    *,
    complete_ms: float,
    incomplete_ms: float,
    ending: float | None = None,
    pace_ms: float = 0.0,
) -> float:
    """The silence that ends a turn. `probability` None: not known (yet), taken for incomplete. `ending` is what the language
    model thinks of the words' end, None: not known. `pace_ms`: see `learnt`."""
    form = shape(text)
    doubt = _between(_CURVES[form], probability or 0.0)
    if form in (Shape.OPEN, Shape.FINISHED):
        doubt *= _by_ending(_WHOLE, text, ending, 1.0)
    doubt = max(doubt, _by_ending(_BROKEN_OFF, text, ending, 0.0))
    wait = complete_ms + doubt * (incomplete_ms - complete_ms)
    if doubt > 0:
        wait = max(wait, min(pace_ms + PACE_MARGIN_MS, incomplete_ms) * min(1.0, doubt * 2))
    return min(wait, LONGEST_SILENCE_MS)


def unjudged_ms(text: str, *, wait_ms: float, incomplete_ms: float, ending: float | None = None, pace_ms: float = 0.0) -> float:
    """The same where there is no turn detector: the words alone, and the person's pace."""
    wait_ms += _by_ending(_BROKEN_OFF, text, ending, 0.0) * max(0.0, incomplete_ms - wait_ms)
    match shape(text):
        case Shape.UNFINISHED | Shape.NUMBER | Shape.UNMARKED:
            wait = max(wait_ms, incomplete_ms)
        case Shape.FINISHED:
            wait = wait_ms
        case Shape.OPEN | Shape.FRAGMENT:
            wait = max(wait_ms, min(pace_ms + PACE_MARGIN_MS, incomplete_ms)) if pace_ms else wait_ms
    return min(wait, LONGEST_SILENCE_MS)


def _by_ending(curve: Sequence[tuple[float, float]], text: str, ending: float | None, unknown: float) -> float:
    """`unknown` where the language model has nothing to say of the words' end."""
    return unknown if ending is None or len(_WORD.findall(text)) < _FEWEST_WORDS else _between(curve, ending)


def learnt(pace_ms: float, pause_ms: float) -> float:
    """A person's pace after a pause that they went on from (`pause_ms`), or after a turn without one (0): the longest pause
    that can be expected of them. One long pause counts at once, and is forgotten over some turns."""
    return max(pause_ms, pace_ms * _PACE_MEMORY)


def _between(curve: Sequence[tuple[float, float]], x: float) -> float:
    """Linear between the points of the curve, constant beyond them."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]
