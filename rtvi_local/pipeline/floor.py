"""What a few words over the bot's voice mean: do they take the floor? Pure; by words alone."""

from __future__ import annotations

import re

_SHORT_SIGNS = """
uhhuh aha yeah yep yes yup okay ok right sure cool nice great good true exactly wow alright really indeed fine
ja jaja genau stimmt klar richtig gut verstehe echt
oui ouais voilà exactement vraiment
sí vale claro bueno exacto
sì già certo esatto bene giusto capisco
"""
"""A line a language: English, German, French, Spanish, Italian. They count whatever is spoken: no language is known of so short
a sound, and none of them takes the floor in another."""
_LONGER_SIGNS = (
    "i see", "got it", "all right", "of course", "go on", "that's right", "i know", "makes sense", "alles klar", "ach so",
    "d'accord", "ah bon", "bien sûr", "je vois", "de acuerdo", "ya veo", "por supuesto", "va bene", "d'accordo",
)  # fmt: skip
_HUM = re.compile(r"(?:m+|h*m+h*m*|[aou]+h+|e+h+|u+m+|h[au]+h+|ha+)(?:-(?:m+|h*m+|h[au]+h+|[au]+h+))*")
"""What is no word, however it is spelled: mhm, mm-hmm, uh-huh, ah, oh, hm, um, ha."""
_ASTONISHED = frozenset(
    ["really", "oh really", "is that so", "oh yeah", "oh yes", "echt", "ach so", "ach ja", "ah bon", "vraiment"]
)
"""Said as a question, and wanting no answer."""

BACKCHANNELS = frozenset(_SHORT_SIGNS.split()).union(_LONGER_SIGNS)
"""Said to show that one listens. In any other language such a word takes the floor."""

HUSHES = frozenset(
    ["stop", "stop it", "stop that", "stop talking", "stop speaking", "be quiet", "quiet", "be silent", "silence", "shut up",
     "enough", "that's enough", "that is enough", "it's enough", "hush", "cancel", "never mind", "can you stop",
     "could you stop", "you can stop", "stop there", "can you be quiet", "could you be quiet", "shh", "shhh", "sh"]
)  # fmt: skip
"""Said to end the reply, and wanting none."""
_MISHEARD_HUSHES = frozenset(["start", "start talking", "start speaking"])
"""What nobody asks of a voice that speaks: Whisper base hears one "stop" in six so (`bench --turns interruptions`)."""
_POLITE = frozenset("please okay ok no now just hey oh well alright right wait thanks".split())
"""Said besides, and changing nothing."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def words_in(text: str) -> list[str]:
    """In small letters, without marks."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def is_backchannel(text: str) -> bool:
    """Whether `text` is nothing but signs of listening ("mhm", "yeah, okay"). False for no words at all."""
    words = words_in(text)
    if not words or len(words) > 4:
        return False
    phrase = " ".join(words)
    if text.rstrip().endswith("?"):
        return phrase in _ASTONISHED
    return phrase in BACKCHANNELS or all(word in BACKCHANNELS or _HUM.fullmatch(word) for word in words)


def is_hum(text: str) -> bool:
    """Whether it is "mhm", "ah" and no word. "Yes" may be an answer to what was just said to its end."""
    words = words_in(text)
    return bool(words) and all(_HUM.fullmatch(word) for word in words)


def may_become_backchannel(text: str) -> bool:
    """Whether `text`, of which more may come, is how a sign of listening begins: "I" of "I see"."""
    words = words_in(text)
    beginning = " ".join(words)
    begins = any(sign.startswith(beginning) for sign in BACKCHANNELS)
    return bool(words) and (begins or all(map(_HUM.fullmatch, words)))


def takes_floor(text: str) -> bool:
    """Whether `text`, all that was said over the bot's voice, is more than a sign of listening."""
    return bool(text) and not is_backchannel(text)


def begins_to_take_floor(text: str) -> bool:
    """The same of words that more may follow."""
    return takes_floor(text) and not may_become_backchannel(text)


def is_hush(text: str, *, over_voice: bool = False) -> bool:
    """Whether `text` only asks for silence. `over_voice`: it was said while the bot spoke."""
    words = words_in(text.lower().replace("thank you", ""))
    without_repeats = [word for i, word in enumerate(words) if i == 0 or word != words[i - 1]]
    phrase = " ".join(word for word in without_repeats if word not in _POLITE)
    hushes = HUSHES | _MISHEARD_HUSHES if over_voice else HUSHES
    return phrase in hushes or _halved(phrase) in hushes


def _halved(phrase: str) -> str:
    """What is said twice, once."""
    words = phrase.split()
    half = len(words) // 2
    return " ".join(words[:half]) if words[:half] == words[half:] else phrase
