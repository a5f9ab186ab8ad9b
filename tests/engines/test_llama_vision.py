"""Pictures through the real loaders, into weights that are made here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.engines.interfaces import EngineError, Message
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.images.content import image_part, text_part
from rtvi_local.images.picture import from_rgb
from tests.engines.tiny_vision import PICTURE_TOKENS, seeing_llama


def picture(colour: tuple[int, int, int]) -> dict[str, object]:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :32] = colour
    return image_part(from_rgb(pixels))


RED, BLUE = picture((220, 20, 20)), picture((20, 20, 220))


def asked(*pictures: dict[str, object], text: str = "What is it?") -> list[Message]:
    return [{"role": "system", "content": "Look."}, {"role": "user", "content": [*pictures, text_part(text)]}]


def load(directory: Path) -> LlamaModel:
    return LlamaModel.load(directory, device="cpu", threads=1, context_tokens=512, sessions=2, recoded=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing_llama(tmp_path_factory.mktemp("models") / "seeing")


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LlamaModel]:
    model = load(folder)
    yield model
    model.close()


async def said(model: LlamaModel, messages: list[Message], *, prefill: bool = False) -> str:
    session = model.open_session()
    try:
        if prefill:
            await session.prefill(messages)
        return "".join([piece async for piece in session.reply(messages, max_tokens=12, temperature=0)])
    finally:
        session.close()


def test_it_says_that_it_sees(model: LlamaModel) -> None:
    assert model.sees


def test_what_is_said_depends_on_what_is_seen(model: LlamaModel) -> None:
    red, blue, again = (asyncio.run(said(model, asked(each))) for each in (RED, BLUE, RED))
    assert red
    assert red != blue
    assert red == again
    nothing = asyncio.run(said(model, [{"role": "system", "content": "Look."}, {"role": "user", "content": "What is it?"}]))
    assert nothing not in (red, blue)


def test_the_place_and_the_order_of_pictures_count(model: LlamaModel) -> None:
    one, other = (asyncio.run(said(model, asked(*each))) for each in ((RED, BLUE), (BLUE, RED)))
    assert one != other


def test_a_picture_counts_as_what_it_takes(model: LlamaModel) -> None:
    with_one, without = model.count_tokens(asked(RED)), model.count_tokens(asked())
    # And the line's end between the picture and the words, and the space that SentencePiece puts before every text.
    assert with_one - without == PICTURE_TOKENS + 2
    unseen = picture((1, 2, 3))
    assert model.count_tokens(asked(unseen)) == with_one


def test_what_was_read_ahead_is_not_read_again(model: LlamaModel) -> None:
    async def scenario() -> None:
        session = model.open_session()
        messages = asked(picture((9, 90, 9)))
        await session.prefill(messages)
        read = model.stats.tokens_prefilled
        answer = "".join([piece async for piece in session.reply(messages, max_tokens=12, temperature=0)])
        assert model.stats.tokens_prefilled - read <= 2
        session.close()
        assert answer == await said(model, messages)
        longer: list[Message] = [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": "And now?"}]
        assert await said(model, longer) == await said(model, longer, prefill=True)

    asyncio.run(scenario())


def test_two_conversations_with_pictures_do_not_disturb_each_other(model: LlamaModel) -> None:
    async def scenario() -> None:
        alone = [await said(model, asked(each)) for each in (RED, BLUE)]
        assert await asyncio.gather(*(said(model, asked(each)) for each in (RED, BLUE))) == alone

    asyncio.run(scenario())


def test_a_reply_that_is_given_up_leaves_the_cache_right(model: LlamaModel) -> None:
    async def scenario() -> None:
        expected = await said(model, asked(RED))
        session = model.open_session()
        for _ in range(5):
            reply = session.reply(asked(picture((7, 7, 77))), max_tokens=200, temperature=0)
            await anext(reply)
            await reply.aclose()
            assert "".join([p async for p in session.reply(asked(RED), max_tokens=12, temperature=0)]) == expected
        session.close()

    asyncio.run(scenario())


def test_of_what_is_no_picture_the_model_is_told_and_the_conversation_goes_on(model: LlamaModel) -> None:
    for url in ("data:image/png;base64,AAAA", "http://127.0.0.1/secret.png", ""):
        broken: dict[str, object] = {"type": "image_url", "image_url": {"url": url}}
        assert asyncio.run(said(model, asked(broken)))
        tokens = bytes(token - 6 for token in model.prompt.reply_tokens(asked(broken)) if token >= 6)
        assert b"(apicturethatcannotberead)" in tokens


def test_a_model_without_a_projector_is_told_that_there_is_a_picture(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "model.gguf", tmp_path)
    model = load(tmp_path)
    try:
        assert not model.sees
        note: Message = {"role": "user", "content": "(a picture that you cannot see)\nWhat is it?"}
        assert model.prompt.reply_tokens(asked(RED)) == model.prompt.reply_tokens([asked()[0], note])
        assert asyncio.run(said(model, asked(RED))) == asyncio.run(said(model, asked(BLUE)))
    finally:
        model.close()


def test_a_projector_that_does_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "model.gguf", tmp_path)
    (tmp_path / "mmproj-bad.gguf").write_bytes((folder / "mmproj-model.gguf").read_bytes()[:2000])
    with pytest.raises(EngineError, match=r"mmproj-bad\.gguf cannot be loaded"):
        load(tmp_path)
