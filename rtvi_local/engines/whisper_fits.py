"""How well given texts fit what was said: where Whisper writes what sounds alike, and only a few things can have been meant.

CTranslate2's `align` runs the decoder over texts that are there already, all of them at once, and tells the probability of each
of their tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.tokenizer import Tokenizer

from rtvi_local.engines.whisper_words import frames_of

_LEAST_PROBABILITY = 1e-12
"""Of a token. Single precision makes 0 of less."""


def log_likelihoods(
    model: ctranslate2.models.Whisper,
    tokenizer: Tokenizer,
    encoded: ctranslate2.StorageView,
    texts: Sequence[str],
    duration_s: float,
) -> list[float]:
    """Natural logarithms, one for each text. Blocks."""
    # numpy cannot look into a graphics card's memory.
    of_each = np.repeat(np.array(encoded.to_device(ctranslate2.Device.cpu)), len(texts), axis=0)
    tokens = [_tokens(tokenizer.tokenizer, f" {text}") for text in texts]
    frames = frames_of(encoded, duration_s)
    aligned = model.align(ctranslate2.StorageView.from_array(of_each), tokenizer.sot_sequence, tokens, frames)
    return [float(np.log(np.maximum(one.text_token_probs, _LEAST_PROBABILITY)).sum()) for one in aligned]


def _tokens(vocabulary: tokenizers.Tokenizer, text: str) -> list[int]:
    """As the model writes them: a word that is one token is never several. The tokenizer files of CTranslate2's Whisper models
    lack the very first rule, by which a space and a "t" belong together, and make three tokens of " talking"."""
    tokens: list[int] = []
    for piece, (begin, end) in vocabulary.pre_tokenizer.pre_tokenize_str(text):
        whole = vocabulary.token_to_id(piece)
        tokens += vocabulary.encode(text[begin:end], add_special_tokens=False).ids if whole is None else [whole]
    return tokens
