"""What a few words over the bot's voice mean: do they take the floor? Pure; by words alone."""

from __future__ import annotations

import re

_SHORT_SIGNS = """
mhm mm mmm hm hmm uh-huh uhhuh uh um ah oh aha yeah yep yes yup okay ok right sure cool nice great good true exactly wow
alright really indeed fine
"""
_LONGER_SIGNS = ("i see", "got it", "all right", "of course", "go on", "that's right", "i know", "makes sense")

BACKCHANNELS = frozenset(_SHORT_SIGNS.split()).union(_LONGER_SIGNS)
"""Said to show that one listens. In English; other languages fall back on how long the sound was."""

HUSHES = frozenset(
    ["stop", "stop it", "stop talking", "be quiet", "quiet", "silence", "shut up", "enough", "that's enough", "hush", "cancel",
     "never mind", "please stop", "stop please", "okay stop", "ok stop", "no stop"]
)  # fmt: skip
"""Said to end the reply, and wanting none."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def _plain(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def is_backchannel(text: str) -> bool:
    """Whether `text` is nothing but signs of listening ("mhm", "yeah, okay"). False for no words at all."""
    words = _plain(text)
    if not words or len(words) > 4 or text.rstrip().endswith("?"):
        return False
    return " ".join(words) in BACKCHANNELS or all(word in BACKCHANNELS for word in words)


def may_become_backchannel(text: str) -> bool:
    """Whether `text`, of which more may come, is how a sign of listening begins: "I" of "I see"."""
    beginning = " ".join(_plain(text))
    return bool(beginning) and any(sign.startswith(beginning) for sign in BACKCHANNELS)


def is_hush(text: str) -> bool:
    """Whether `text` only asks for silence."""
    words = _plain(text)
    without_repeats = [word for i, word in enumerate(words) if i == 0 or word != words[i - 1]]
    return " ".join(without_repeats) in HUSHES
