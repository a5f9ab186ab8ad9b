"""The language of a turn, and how a model is asked to answer in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian",
    "ml": "Malayalam", "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "te": "Telugu",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""Of the languages that Piper has voices for, and a few more, by ISO 639-1 code."""

_LEAST_WORDS, _LEAST_CHARACTERS = 3, 6
_FIRST = "en"
"""What a conversation begins in: that of the default instructions."""


def language_of_turn(detected: str | None, text: str, before: str | None) -> str | None:
    """The language that a turn is taken to be in. "Okay", "no" and names sound alike everywhere: what is shorter than three
    words (or six characters, in scripts without spaces) does not change the language of a conversation."""
    if detected is None or detected == before:
        return before
    spaceless = text.isascii() is False and " " not in text.strip()
    enough = len(text) >= _LEAST_CHARACTERS if spaceless else len(text.split()) >= _LEAST_WORDS
    return detected if enough else before


def voices_by_language(languages: Mapping[str, str | None], chosen: str) -> dict[str, str]:
    """Which voice speaks a language, given the language of each that is installed: the chosen one speaks its own."""
    names = sorted(languages, key=lambda name: (name != chosen, name))
    return {language: name for name in reversed(names) if (language := languages[name])}


def asked_in(text: str, language: str | None, before: str | None) -> str:
    """What a person said, with the instruction to answer in their language behind it: there it leaves everything before it as
    the model has read it already. English needs none, unless something else was spoken before."""
    if language is None or language == (before or _FIRST) == _FIRST:
        return text
    name = NAMES.get(language, f"the language whose code is {language!r}")
    return f"{text} (Answer in {name}.)"
