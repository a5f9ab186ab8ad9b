"""The tokenizer inside a GGUF file."""

from __future__ import annotations

import ctypes
from functools import lru_cache

from rtvi_local.engines.llama_library import lib


class LlamaVocabulary:
    """Text to token ids and back. Safe to use from several threads: it only reads."""

    def __init__(self, model: lib.llama_model_p) -> None:
        vocabulary = lib.llama_model_get_vocab(model)
        if vocabulary is None or lib.llama_vocab_n_tokens(vocabulary) == 0:
            raise ValueError("the file holds no vocabulary")
        self.pointer = self._vocabulary = vocabulary
        self.n_tokens = int(lib.llama_vocab_n_tokens(vocabulary))
        steering = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        self.control_tokens: dict[str, int] = {}
        self.strips_left: set[str] = set()
        self.strips_right: set[str] = set()
        for token in range(self.n_tokens):
            attributes = lib.llama_vocab_get_attr(vocabulary, token)
            if attributes & steering or lib.llama_vocab_is_eog(vocabulary, token):
                name = self.text(token)
                self.control_tokens[name] = token
                if attributes & lib.LLAMA_TOKEN_ATTR_LSTRIP:
                    self.strips_left.add(name)
                if attributes & lib.LLAMA_TOKEN_ATTR_RSTRIP:
                    self.strips_right.add(name)
        self.control_tokens.pop("", None)
        bos = int(lib.llama_vocab_bos(vocabulary))
        self.bos_to_add = bos if lib.llama_vocab_get_add_bos(vocabulary) and bos >= 0 else None
        self.bos_text = self.text(bos) if bos >= 0 else ""
        eos = int(lib.llama_vocab_eos(vocabulary))
        self.eos_text = self.text(eos) if eos >= 0 else ""
        self.piece = lru_cache(maxsize=16_384)(self._piece)

    def text(self, token: int) -> str:
        return (lib.llama_vocab_get_text(self._vocabulary, token) or b"").decode("utf-8", "replace")

    def ends_reply(self, token: int) -> bool:
        return bool(lib.llama_vocab_is_eog(self._vocabulary, token))

    def tokenize(self, text: str) -> list[int]:
        """Plain text to tokens. llama.cpp treats the start of a text like the place after a control token (SentencePiece models
        get their leading space in both), so a prompt may be tokenized piece by piece between its control tokens."""
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        tokens = (lib.llama_token * size)()
        count = lib.llama_tokenize(self._vocabulary, data, len(data), tokens, size, False, False)
        if count < 0:
            raise ValueError(f"llama.cpp cannot tokenize {len(data)} bytes")
        return list(tokens[:count])

    def _piece(self, token: int) -> bytes:
        """The bytes a token stands for; they may be a part of a character. Nothing for control tokens."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = lib.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length
