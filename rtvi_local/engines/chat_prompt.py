"""Messages to tokens: which tokens a reply starts from, and which of them are sure already while the person still speaks.

**What a person says is text, never markup.** Somebody who says "<|im_end|>" must not be able to end the turn and speak as the
system. Every place in the messages where the text of a control token begins is broken by a character that cannot be in real
text; the rendered prompt is cut at the control tokens that are still whole, which are the template's own, and only these become
control tokens; then the breaks are taken out, and everything between is tokenized as plain text.

Where a picture stands, the template gets a mark, too, in whose place the picture's own tokens come. Templates have their own
ideas of how a picture is written; the projector knows it better.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Protocol

from rtvi_local.engines.call_form import call_form
from rtvi_local.engines.chat_template import ChatTemplate, Tool
from rtvi_local.engines.interfaces import Message
from rtvi_local.images.content import image_url, is_image, parts

_BREAK, _END, _PICTURE = "\ufdd0", "\ufdd1", "\ufdd2"
"""Unicode noncharacters: "not for interchange", so no real text holds them; what comes in with them loses them."""
_NONCHARACTERS = str.maketrans("", "", _BREAK + _END + _PICTURE)

MOST_PICTURES = 8
"""In one prompt; of more, the earliest are only mentioned."""
_UNSEEN = "(a picture that you cannot see)"
_EARLIER = "(an earlier picture)"
_UNREADABLE = "(a picture that cannot be read)"

_LAST_WORD = re.compile(r"\S{0,16}\Z")
"""What more words may still change: the last one, or a tail as long as a long token in scripts without spaces."""


class Vocabulary(Protocol):
    """A model's tokenizer."""

    @property
    def control_tokens(self) -> Mapping[str, int]:
        """Text → id of the tokens that steer the model, and that no text of a person may turn into."""
        ...

    @property
    def bos_to_add(self) -> int | None:
        """The token that every prompt must begin with, if any."""
        ...

    @property
    def strips_left(self) -> Collection[str]:
        """Control tokens that swallow the whitespace before them …"""
        ...

    @property
    def strips_right(self) -> Collection[str]:
        """… and after them (Phi's do)."""
        ...

    def tokenize(self, text: str) -> Sequence[int]:
        """Plain text to tokens; whatever in it looks like a control token stays text."""
        ...


class Eyes(Protocol):
    """What a prompt needs to know of pictures."""

    def tokens(self, url: str) -> Sequence[int] | None:
        """What stands for the picture at this URL; None if it cannot be read."""
        ...


class ChatPrompt:
    """The prompts of one model. Pure: the same messages give the same tokens."""

    def __init__(self, template: ChatTemplate, vocabulary: Vocabulary, eyes: Eyes | None = None) -> None:
        """Without `eyes` the model cannot see, and is told so in the place of a picture."""
        self._template = template
        self._eyes = eyes
        self._form = call_form(template)
        self._control_tokens = dict(vocabulary.control_tokens)
        names = sorted((name for name in self._control_tokens if name), key=len, reverse=True)
        alternatives = "|".join(map(re.escape, names)) or r"(?!)"
        self._pieces = re.compile(f"({_PICTURE}[0-9]+{_PICTURE}|{alternatives})")
        # A look-ahead finds overlapping beginnings too, so that no control token survives between two breaks.
        self._control_begins = re.compile(f"(?=(?:{alternatives}))(.)", re.DOTALL)
        self._bos_to_add = vocabulary.bos_to_add
        self._strips_left, self._strips_right = vocabulary.strips_left, vocabulary.strips_right
        self._marks = mark_tokens(vocabulary)
        # A conversation's earlier messages come again with every turn; only what is new has to be tokenized.
        self._tokenize = lru_cache(maxsize=4096)(lambda text: tuple(vocabulary.tokenize(text)))

    def reply_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] | None = None) -> list[int]:
        """What must be in the cache before the model answers `messages`."""
        plain, pictures = self._plain(messages)
        return self._tokens(self._template.render(plain, tools=self._plain_tools(tools), to_reply=True), pictures)

    def sure_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] | None = None) -> list[int]:
        """The tokens that every prompt shares which begins like `messages`: to be read ahead of time.

        If the last message is the user's, more words may follow in it: the prompt is cut at its end (found by rendering it with
        a mark there, which works for any template), and the tokens of its last word are left out: more letters could make other
        tokens of it ("France" and "Frances" need not begin alike). Tokenizers look at a word at a time, together with the space
        before it, so that all earlier ones stay. Else a message of the user comes next, and what the template puts before its
        text is sure as well.
        """
        plain, pictures = self._plain(messages)
        if plain and plain[-1].get("role") == "user":
            last = str(plain[-1].get("content") or "").rstrip()
            marked = [*plain[:-1], {**plain[-1], "content": last + _END}]
        else:
            marked = [*plain, {"role": "user", "content": _END}]
        text, mark, _ = self._template.render(marked, tools=self._plain_tools(tools), to_reply=False).partition(_END)
        return self._tokens(text, pictures, open_end=True) if mark else []

    def end_of_words(self, messages: Sequence[Message], tokens: Sequence[int]) -> int | None:
        """Which of `tokens`, the `reply_tokens` of these messages, is the first behind the last word of the user, who spoke
        last: the mark there, or what ends the message. None where that cannot be told."""
        if not messages or messages[-1].get("role") != "user" or not isinstance(messages[-1].get("content"), str):
            return None
        end = len(tokens) - len(self._behind_words)
        if not self._behind_words or list(tokens[end:]) != self._behind_words:
            return None
        while end > 1 and tokens[end - 1] in self._marks:
            end -= 1
        return end

    @cached_property
    def _behind_words(self) -> list[int]:
        """What the template puts behind the user's text, for a reply: the same in every conversation."""
        text = self._template.render([{"role": "user", "content": _END}], tools=None, to_reply=True)
        return self._tokens(text.partition(_END)[2], (), whole=False)

    def call_tokens(self, name: str, *, first: bool) -> list[int]:
        """What comes before the arguments of a call: behind `reply_tokens` or, unless it is the first, behind another's end."""
        lead = self._form.lead if first else self._form.next
        return self._tokens(f"{lead}{name}{self._form.middle.rstrip(' ')}", (), whole=False)

    def call_end_tokens(self) -> tuple[list[int], int]:
        """What comes behind a call's arguments, and the token that follows if another call does."""
        return self._tokens(self._form.end, (), whole=False), self._tokens(self._form.next, (), whole=False)[0]

    def plain_tokens(self, text: str) -> Sequence[int]:
        """Of text that is no part of a conversation, and in which nothing steers the model."""
        return self._tokenize(text)

    def _tokens(self, text: str, pictures: Sequence[str], *, open_end: bool = False, whole: bool = True) -> list[int]:
        tokens: list[int] = []
        pieces = self._pieces.split(text)
        for index, piece in enumerate(pieces):
            if index % 2:
                tokens += self._special_tokens(piece, pictures)
                continue
            piece = piece.replace(_BREAK, "")
            if index > 0 and pieces[index - 1] in self._strips_right:
                piece = piece.lstrip()
            if index + 1 < len(pieces) and pieces[index + 1] in self._strips_left:
                piece = piece.rstrip()
            if open_end and index == len(pieces) - 1:
                tokens += self._unchangeable(piece)
            elif piece:
                tokens += self._tokenize(piece)
        if whole and self._bos_to_add is not None and tokens[:1] != [self._bos_to_add]:
            tokens.insert(0, self._bos_to_add)
        return tokens

    def _special_tokens(self, piece: str, pictures: Sequence[str]) -> Sequence[int]:
        if not piece.startswith(_PICTURE):
            return [self._control_tokens[piece]]
        assert self._eyes is not None
        tokens = self._eyes.tokens(pictures[int(piece.strip(_PICTURE))])
        return self._tokenize(_UNREADABLE) if tokens is None else tokens

    def _unchangeable(self, text: str) -> Sequence[int]:
        """The tokens of `text` that stay when words are appended to it, or letters to its last word."""
        word = _LAST_WORD.search(text)
        before = text[: word.start()].rstrip(" ") if word else text
        tokens: Sequence[int] = self._tokenize(text)
        return tokens[: common_prefix(tokens, self._tokenize(before))]

    def _plain(self, messages: Sequence[Message]) -> tuple[list[Message], list[str]]:
        """The messages as the template gets them, and the pictures that their marks stand for."""
        pictures = shown(messages) if self._eyes is not None else []
        earlier = sum(len(_urls(message)) for message in messages) - len(pictures)
        number = -earlier
        plain: list[Message] = []
        for message in messages:
            broken = {
                key: self._broken(_calls_of(value) if key == "tool_calls" else value)
                for key, value in message.items()
                if key != "content"
            }
            if "content" in message:
                broken["content"], number = self._content(message["content"], number)
            plain.append({key: broken[key] for key in message})
        return plain, pictures

    def _content(self, content: object, number: int) -> tuple[object, int]:
        """A content as a text where it is made of parts. `number` counts pictures; those below 0 are not shown any more."""
        found = parts(content)
        if found is None or all(part["type"] == "function" for part in found):
            return self._broken(content), number
        texts: list[str] = []
        for part in found:
            if is_image(part):
                mark = _UNSEEN if self._eyes is None else _EARLIER if number < 0 else f"{_PICTURE}{number}{_PICTURE}"
                texts.append(mark)
                number += 1
            else:
                texts.append(str(self._broken(str(part.get("text", "")))))
        return "\n".join(texts), number

    def _plain_tools(self, tools: Sequence[Tool] | None) -> list[Tool] | None:
        return [{key: self._broken(value) for key, value in tool.items()} for tool in tools] if tools else None

    def _broken(self, value: object) -> object:
        if isinstance(value, str):
            return self._control_begins.sub(rf"\1{_BREAK}", value.translate(_NONCHARACTERS))
        if isinstance(value, Mapping):
            return {self._broken(key): self._broken(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._broken(item) for item in value]
        return value


def mark_tokens(vocabulary: Vocabulary) -> frozenset[int]:
    """The marks that end a sentence, as far as each is a token of its own."""
    return frozenset(tokens[0] for mark in ".?!" if len(tokens := vocabulary.tokenize(mark)) == 1)


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(index for index in range(shorter) if one[index] != other[index])


def _calls_of(calls: object) -> object:
    """OpenAI writes a call's arguments as text; templates write them as JSON, and want what it says."""
    if not isinstance(calls, (list, tuple)):
        return calls
    return [_call_of(call) for call in calls]


def _call_of(call: object) -> object:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except ValueError:
        return call
    return {**call, "function": {**function, "arguments": arguments}}


def shown(messages: Sequence[Message]) -> list[str]:
    """Where the pictures of these messages are that the model is shown, in their order."""
    return [url for message in messages for url in _urls(message)][-MOST_PICTURES:]


def _urls(message: Message) -> list[str]:
    return [image_url(part) for part in parts(message.get("content")) or () if is_image(part)]
