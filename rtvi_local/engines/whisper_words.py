"""When each word was said, by Whisper's own attention: which part of the audio the decoder looked at for each token.

CTranslate2 runs the decoder once over the finished text (about 20 ms), takes the cross-attention of the heads that were chosen
for it with the model, and finds the path of least cost through it (dynamic time warping, as in OpenAI's own code).
"""

from __future__ import annotations

from collections.abc import Sequence

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import Tokenizer

from rtvi_local.engines.interfaces import TimedWord

_STEPS_PER_S = 50
"""The encoder's output."""


def timed_words(
    model: ctranslate2.models.Whisper,
    tokenizer: Tokenizer,
    encoded: ctranslate2.StorageView,
    tokens: Sequence[int],
    duration_s: float,
) -> tuple[TimedWord, ...]:
    """The words of these tokens (of text alone, no timestamps). Blocks."""
    if not tokens:
        return ()
    found = model.align(encoded, tokenizer.sot_sequence, [list(tokens)], frames_of(encoded, duration_s))[0]
    token_numbers, steps = np.array(found.alignments).T
    begins_s = steps[np.diff(token_numbers, prepend=-1) > 0] / _STEPS_PER_S
    texts, tokens_of_words = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    pieces: list[TimedWord] = []
    first = 0
    for text, tokens_of_word in zip(texts[:-1], tokens_of_words[:-1], strict=True):
        end = first + len(tokens_of_word)
        pieces.append(TimedWord(text, float(begins_s[first]), float(begins_s[end])))
        first = end
    return with_punctuation(pieces)


def frames_of(encoded: ctranslate2.StorageView, duration_s: float) -> int:
    """How many frames of the encoder's input hold audio. There are twice as many as of its output."""
    steps: int = encoded.shape[1]
    return 2 * min(steps, int(duration_s * _STEPS_PER_S) + 1)


def with_punctuation(pieces: Sequence[TimedWord]) -> tuple[TimedWord, ...]:
    """Marks without a space before them belong to the word before, others to the word behind; neither has time of its own."""
    words: list[TimedWord] = []
    opening = ""
    for piece in pieces:
        if any(character.isalnum() for character in piece.text):
            words.append(TimedWord(opening + piece.text, piece.start_s, piece.end_s))
            opening = ""
        elif words and not piece.text[:1].isspace():
            words[-1] = TimedWord(words[-1].text + piece.text, words[-1].start_s, words[-1].end_s)
        else:
            opening += piece.text
    if opening and words:
        words[-1] = TimedWord(words[-1].text + opening, words[-1].start_s, words[-1].end_s)
    return tuple(words)
