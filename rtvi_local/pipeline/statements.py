"""What a person told, as against what they asked: kept word for word when a conversation is summed up, because a small model's
summary mixes up who is who ("Annabel is a dog named Rufus", says a 0.5B one). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rtvi_local.pipeline.context import Message

MOST_CHARS = 600
_LEAST_WORDS = 3
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_ABOUT_ONESELF = re.compile(
    r"\b(i|i'm|i've|my|me|we|our|us|ich|mein\w*|mir|mich|wir|unser\w*|je|j'\w+|mon|ma|mes|nous|notre|yo|mi|mis|nosotros)\b",
    re.I,
)


def statements(messages: Iterable[Message]) -> list[str]:
    """The sentences of the person's messages that are no questions, in their order, each once."""
    said = (
        str(message["content"]) for message in messages if message["role"] == "user" and isinstance(message["content"], str)
    )
    sentences = (sentence.strip() for text in said for sentence in _SENTENCE.findall(text))
    told = (sentence for sentence in sentences if not sentence.endswith("?") and len(sentence.split()) >= _LEAST_WORDS)
    return list(dict.fromkeys(told))


def within(told: Sequence[str], most_chars: int = MOST_CHARS) -> list[str]:
    """As many of them as fit, in their order: those about the person before others, newer before older."""
    by_worth = sorted(range(len(told)), key=lambda i: (_ABOUT_ONESELF.search(told[i]) is not None, i), reverse=True)
    kept: set[int] = set()
    for index in by_worth:
        if len(told[index]) <= most_chars:
            most_chars -= len(told[index])
            kept.add(index)
    return [sentence for index, sentence in enumerate(told) if index in kept]
