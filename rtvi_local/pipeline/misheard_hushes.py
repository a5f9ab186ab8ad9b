"""What a short phrase over the bot's voice was, where Whisper wrote what sounds like a request to be quiet. Pure.

A request to be quiet takes half a second, which is too little for Whisper base: of 132 by three voices, half of them before a
crowd 12 dB weaker, 41 were written as something else ("Start that", "Get up", "Chatter"). But hardly anything else that short
is said to a voice that speaks, so it is asked how well the usual requests fit the sound too: 15 are left. Of 102 other phrases
as short, chosen because they sound alike, 3 become requests ("Quite", "A top"), and 1 was one before ("Start"). All this was
counted once, when the limits were chosen by it; nothing here counts it anew.
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


def may_be_hush(text: str) -> bool:
    """Whether it is worth asking."""
    return 0 < len(words_in(text)) <= _MOST_WORDS and not is_backchannel(text) and not is_hush(text, over_voice=True)


def meant(text: str, fits: Sequence[float]) -> str:
    """`text`, or the request that was meant. `fits`: log-likelihoods of `text` and of each of HUSHES_IN_WRITING."""
    of_text, *of_hushes = fits
    best = max(of_hushes)
    is_meant = best >= _LEAST_FIT and best >= of_text - _AS_GOOD_AS
    return HUSHES_IN_WRITING[of_hushes.index(best)] if is_meant else text
