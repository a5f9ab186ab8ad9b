"""What a short phrase over the bot's voice was, where Whisper wrote what sounds like a request to be quiet. Pure.

A request to be quiet takes half a second, which is too little for Whisper base. It writes something else ("Start that", "Get
up", "Chatter"), or is so unsure of what it writes that nobody seems to have spoken ("Adam"). But hardly anything else that
short is said to a voice that speaks, so it is asked how well the usual requests fit the sound too. Of 132 by three voices, half
of them before a crowd 12 dB weaker, 80 are known without asking, 97 when asked of what is believed, 107 when asked of what is
not as well. Of 102 other phrases as short, chosen because they sound alike, it makes requests of one ("Bus stop"), and 1 was
one before ("Start"). All this was counted once, when the limits were chosen by it; nothing here counts it anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtvi_local.pipeline.floor import is_backchannel, is_hush, words_in

HUSHES_IN_WRITING = (
    "Stop.", "Stop!", "Stop it.", "Stop that.", "Stop talking.", "Be quiet.", "Quiet.", "Quiet, please.", "Be silent.",
    "Silence.", "Shut up.", "Shut up!", "That's enough.", "Cancel.", "Please stop.", "Can you stop?",
)  # fmt: skip
"""As Whisper writes them."""
LONGEST_HUSH_MS = 2000
"""Of audio, the silence before and behind included."""
_MOST_WORDS = 4
_LEAST_FIT = -7.0
_AS_GOOD_AS = 4.0
"""Natural logarithms."""
_LEAST_FIT_DOUBTED = -6.0
"""Of what is not believed: there nobody may have spoken. A café made -6.7, coughs -7.8 and knocks -8.7."""


def may_be_hush(text: str, *, doubted: bool) -> bool:
    """Whether it is worth asking. `doubted`: Whisper wrote it, but so unsurely that it is not believed, whatever it says."""
    is_short = 0 < len(words_in(text)) <= _MOST_WORDS
    return is_short and not is_backchannel(text) and (doubted or not is_hush(text, over_voice=True))


def meant(text: str, fits: Sequence[float]) -> str:
    """`text`, or the request that was meant. `fits`: log-likelihoods of what Whisper wrote, which is `text` or if that is empty
    was not believed, and of each of HUSHES_IN_WRITING."""
    of_text, *of_hushes = fits
    best = max(of_hushes)
    is_meant = best >= (_LEAST_FIT if text else _LEAST_FIT_DOUBTED) and best >= of_text - _AS_GOOD_AS
    return HUSHES_IN_WRITING[of_hushes.index(best)] if is_meant else text
