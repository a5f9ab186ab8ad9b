"""A picture in a message, through the whole conversation, to llama.cpp and a vision model whose weights are made here."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.engines.llama import LlamaModel
from rtvi_local.images.picture import from_rgb
from tests.engines.tiny_vision import seeing_llama
from tests.pipeline.test_conversation import CONFIG, Call

CONTEXT_TOKENS = 768


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing_llama(tmp_path_factory.mktemp("models") / "seeing")


async def said_of(folder: Path, colour: tuple[int, int, int]) -> str:
    """What is written of a picture of that colour."""
    model = LlamaModel.load(folder, device="cpu", threads=1, context_tokens=CONTEXT_TOKENS, sessions=1, recoded=False)
    llm = replace(CONFIG.llm, temperature=0.0, max_tokens=24, context_tokens=CONTEXT_TOKENS)
    call = Call(model=model, config=replace(CONFIG, llm=llm))
    try:
        picture = from_rgb(np.full((48, 64, 3), colour, np.uint8))
        source = {"type": "bytes", "bytes": base64.b64encode(picture.jpeg).decode()}
        sent = {
            "content": "What is it?",
            "file": {"format": "image/jpeg", "source": source},
            "options": {"audio_response": False},
        }
        call.send("send-file", sent)
        deadline_s = asyncio.get_running_loop().time() + 60
        while "bot-llm-stopped" not in call.types:
            assert asyncio.get_running_loop().time() < deadline_s, call.types
            await asyncio.sleep(0.02)
        assert not call.news("error-response"), json.dumps(call.news("error-response"))
        return "".join(data["text"] for data in call.news("bot-llm-text"))
    finally:
        call.conversation.end("the test is over")
        await call.conversation.ended()
        model.close()


def test_what_is_said_depends_on_the_picture_that_was_sent(folder: Path) -> None:
    red, blue, again = (asyncio.run(said_of(folder, colour)) for colour in ((220, 20, 20), (20, 20, 220), (220, 20, 20)))
    assert red
    assert red != blue
    assert red == again
