"""Whether what a person said is to be answered, or asks for a tool. Pure, but for the scores that it is given.

Asked "which of these tools, if any?", a model of half a billion parameters calls a weather tool for "What is the capital of
France?". What it does know is how people talk. So the question is turned round: how likely are these words from somebody who
wants this tool, and how likely from somebody who just talks? The ratio of the two is measured for each tool; what it must
reach is measured, too, on sentences that surely ask for none, because it depends on the model and on how a tool is described.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rtvi_local.tools.tool import Tool, WrittenCall

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
MARGIN = 0.5
"""By how much more than any small talk, in nats."""


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


def threshold(small_talk: Sequence[float]) -> float:
    """What the ratio must exceed, given those of SMALL_TALK."""
    return max(small_talk, default=0.0) + MARGIN


def wanted(ratios: Mapping[str, float], thresholds: Mapping[str, float]) -> list[str]:
    """The tools that are asked for, the surest first."""
    margins = {name: ratio - thresholds[name] for name, ratio in ratios.items()}
    return sorted((name for name, margin in margins.items() if margin > 0), key=lambda name: -margins[name])


def adds_something(call: WrittenCall, earlier: Sequence[WrittenCall], said: str) -> bool:
    """Whether a further call is of something that was said, and not in the calls before it. Asked for the weather in one city,
    a small model goes on with all the others that it knows."""
    new = _words(call.arguments.values()).difference(*(_words(other.arguments.values()) for other in earlier))
    return bool(new & _words([said])) or all(call.name != other.name for other in earlier)


def _words(values: Iterable[object]) -> set[str]:
    return {word for value in values for word in re.findall(r"\w+", str(value).lower())}
