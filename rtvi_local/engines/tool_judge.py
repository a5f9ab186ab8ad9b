"""Whether what a person said is to be answered, or asks for a tool. Pure, but for the scores that it is given.

Asked "which of these tools, if any?", a model of half a billion parameters calls a weather tool for "What is the capital of
France?". What it does know is how people talk. So the question is turned round: how likely are these words from somebody who
wants this tool, and how likely from somebody who just talks? The ratio of the two is measured for each tool, and set against
that of sentences that surely ask for none, because it depends on the model and on how a tool is described.

The second witness is what the call would say. Asked for the weather, the model takes the city from the question; made to call
although nobody asked, it invents one. So little is needed for a call whose words were said, above all in a question, and much
for one whose words are the model's own. Of 64 questions and remarks, most of them small talk about rain, cities and music, the
ratio alone judged 9 wrong, and both together 1.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from rtvi_local.tools.tool import Arguments, Tool, WrittenCall

TALK = (
    'Something that a person says to a voice assistant, to chat or to ask about the world:\n"',
    'Something that a person tells a voice assistant about themselves, their day or what they like:\n"',
    'A question about general knowledge that a person asks a voice assistant:\n"',
    'A few words that a person says to greet, to thank or to agree:\n"',
)
"""How texts begin that go on with the words of a person who wants no tool."""
END = '"\n'
MOST_CHARACTERS = 240
"""Of what was said, its end."""
SMALL_TALK = (
    "Hi there.",
    "How are you doing?",
    "I see, thanks.",
    "What do you think about that?",
    "Tell me about yourself.",
    "Where is the Eiffel Tower?",
    "Who was Albert Einstein?",
    "I'm a little tired today.",
    "What does this word mean?",
    "My mother is a teacher.",
    "That was a good story.",
    "How do birds fly?",
    "Thanks a lot.",
    "Yes, please.",
)
"""Sentences that ask for no tool, whatever it is."""
_GREETING = re.compile(
    r"(?:(?:hello|hi|hey|good (?:morning|afternoon|evening)|there|so|and|again)\W+)*"
    r"(?:how (?:are (?:you|things)|is it going|do you do|have you been)(?: doing| feeling)?"
    r"(?: today| tonight| now| this (?:morning|afternoon|evening))?\W*)?"
)


class Basis(Enum):
    """What the arguments of a call stand on."""

    ASKED = "words of a question"
    SAID = "words of something else that was said"
    NOTHING = "it has none that the model finds words for"
    INVENTED = "words or numbers that nobody said"


NEEDED = {Basis.ASKED: -2.5, Basis.SAID: 2.0, Basis.NOTHING: 0.5, Basis.INVENTED: 3.0}
"""By how much a tool's ratio must exceed that of any small talk, in nats. An invention may be a translation ("München" for
Munich), which the ratio has to vouch for alone."""
_ALIKE = 0.75
"""How much of two words is the same (difflib's ratio) where one comes from the other: Lisbon and Lisboa are 0.83, Boston and
Austin 0.5."""
_LEAST_LETTERS = 4
"""Of a word that means something: "the" is no evidence. Names that are shorter count where nothing else is said."""
_QUESTION_MARKS = tuple("?？؟;")
_NUMBER = (
    r"(?:\d[\d.,:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|half|quarter|dozen|couple)"
)
_QUANTITY = re.compile(rf"\b{_NUMBER}(?:[ -]{_NUMBER})*\b", re.IGNORECASE)


def is_greeting(said: str) -> bool:
    """Whether these words only greet. In English. "Hello, how are you today?" is as likely as the weather in Boston."""
    return _GREETING.fullmatch(f"{said.strip().lower()} ") is not None


def asks_for(tool: Tool) -> str:
    """How a text begins that goes on with the words of a person who wants this tool."""
    about = f"{tool.name} ({tool.description.strip().rstrip('.')})" if tool.description.strip() else tool.name
    return f'Something that a person says to a voice assistant that shall use the function {about}:\n"'


def words_of(said: str) -> str:
    """What was said, as it is put behind `asks_for` and `TALK`."""
    return said.strip()[-MOST_CHARACTERS:] + END


def ratio(tool: Tool, scores: Mapping[str, float]) -> float:
    """How much likelier the words are from somebody who wants the tool than from one who talks, in nats: the best of several
    ways to talk counts. `scores` are log-probabilities of the words by what stands before them."""
    return scores[asks_for(tool)] - max(scores[talk] for talk in TALK)


def _least_needed(tool: Tool, said: str) -> float:
    """What a tool's margin must exceed for a call to be possible at all, whatever its arguments."""
    if not _has_words(tool):
        return NEEDED[Basis.NOTHING]
    return NEEDED[Basis.ASKED if _asks(said) else Basis.SAID]


def possible(tools: Sequence[Tool], margins: Mapping[str, float], said: str) -> list[Tool]:
    """The tools that may be asked for, the surest first. `margins` are their ratios less the highest of any small talk."""
    able = [tool for tool in tools if margins[tool.name] > _least_needed(tool, said)]
    return sorted(able, key=lambda tool: -margins[tool.name])


def basis(tool: Tool, arguments: Arguments, said: str, conversation: str) -> Basis:
    """What these arguments stand on: `said` is what the person said last, `conversation` all that was said before, too."""
    if not _has_words(tool):
        numbers = any(_is_number(value) for value in arguments.values())
        return Basis.INVENTED if numbers and not _QUANTITY.search(said) else Basis.NOTHING
    told = _words([conversation, said])
    for text in _texts(tool, arguments):
        words = _words([text])
        if any(_is_among(word, told) for word in [w for w in words if len(w) >= _LEAST_LETTERS] or words):
            return Basis.ASKED if _asks(said) else Basis.SAID
        if text.strip() and not text.isascii() and text.strip().lower() in said.lower():
            return Basis.SAID  # in scripts without spaces
    return Basis.INVENTED


def needed_further(call: WrittenCall, earlier: Sequence[WrittenCall], said: str) -> float:
    """What the margin of a further call's tool must exceed; infinite for one that adds nothing that was said to those before.
    Asked for the weather in one city, a small model goes on with all the others that it knows, and then with the next tool."""
    numbers = [value for value in call.arguments.values() if _is_number(value)]
    unused_number = bool(numbers) and len(_QUANTITY.findall(said)) > len(earlier)
    new = _words(call.arguments.values()).difference(*(_words(other.arguments.values()) for other in earlier))
    told = _words([said])
    adds = unused_number or any(_is_among(word, told) for word in new)
    if any(call.name == other.name for other in earlier):
        return 0.0 if adds else math.inf
    if not call.arguments:
        return NEEDED[Basis.INVENTED]
    return NEEDED[Basis.SAID] if adds else math.inf


def _asks(said: str) -> bool:
    return said.rstrip().endswith(_QUESTION_MARKS)


def _has_words(tool: Tool) -> bool:
    return any(_is_free_text(schema) for schema in _properties(tool).values())


def _texts(tool: Tool, arguments: Arguments) -> Iterator[str]:
    """The values that the model found words for itself."""
    for name, schema in _properties(tool).items():
        if _is_free_text(schema) and isinstance(arguments.get(name), str):
            yield arguments[name]


def _properties(tool: Tool) -> Mapping[str, Any]:
    properties = tool.parameters.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _is_free_text(schema: object) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "string" and not {"enum", "const"} & set(schema)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_among(word: str, told: Iterable[str]) -> bool:
    return word in told or (
        len(word) >= _LEAST_LETTERS
        and any(difflib.SequenceMatcher(None, word, other).ratio() >= _ALIKE for other in told if len(other) >= _LEAST_LETTERS)
    )


def _words(values: Iterable[object]) -> set[str]:
    return {word for value in values for word in re.findall(r"\w+", str(value).lower())}
