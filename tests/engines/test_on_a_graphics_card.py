"""The engines on a graphics card. Where this machine has none that they can use, there is nothing to see and all is skipped."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.interfaces import Float32, Message
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.engines.whisper import Whisper
from rtvi_local.hardware import Plan, find_hardware, plan, summary
from tests.conftest import SPEECH_TEXT

pytestmark = pytest.mark.models

QUESTION: list[Message] = [
    {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture(scope="module")
def placements() -> Plan:
    """What `--device auto` chooses here."""
    chosen = plan(find_hardware(), "auto")
    if (chosen.stt.device, chosen.llm.device) != ("cuda", "cuda"):
        pytest.skip("no graphics card that Whisper and the language model can use")
    return chosen


@pytest.fixture(scope="module")
def whisper(placements: Plan, models_directory: Path) -> Iterator[Whisper]:
    model = Whisper.load(models_directory / "whisper-base", device=placements.stt.device, threads=placements.stt.threads)
    yield model
    model.close()


def test_auto_says_in_one_line_that_it_uses_it(placements: Plan) -> None:
    line = summary(placements, {"stt": "whisper-base", "llm": "qwen"})
    assert line.startswith("whisper-base on GPU (CUDA) float16; qwen on GPU (CUDA); ")


def test_speech_is_understood_in_float16(whisper: Whisper, speech: Float32) -> None:
    assert (whisper._model.device, whisper._model.compute_type) == ("cuda", "float16")
    heard = asyncio.run(whisper.transcribe(speech, language="en", word_times=True))
    said = normalised_words(SPEECH_TEXT)
    assert word_errors(said, normalised_words(heard.text)) / len(said) <= 0.10
    assert "".join(word.text for word in heard.words).strip() == heard.text


def test_how_well_texts_fit_is_told_there_too(whisper: Whisper, speech: Float32) -> None:
    fits = asyncio.run(whisper.fits(speech, (SPEECH_TEXT, "Be quiet."), language="en"))
    assert fits[0] > fits[1]


def test_all_layers_are_on_it_and_the_answer_is_the_processors(
    placements: Plan, models_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(device: str) -> str:
        model = LlamaModel.load(
            models_directory / "qwen2.5-coder-0.5b", device=device, threads=2, context_tokens=2048, sessions=2, recoded=False
        )
        try:
            return asyncio.run(_answer(model))
        finally:
            model.close()

    with caplog.at_level(logging.DEBUG, logger="rtvi_local.engines.llama_library"):
        on_the_card = answer(placements.llm.device)
    offloaded = re.search(r"offloaded (\d+)/(\d+) layers to GPU", caplog.text)
    assert offloaded is not None
    assert offloaded[1] == offloaded[2]
    assert on_the_card == answer("cpu")
    assert "Paris" in on_the_card


async def _answer(model: LlamaModel) -> str:
    """With the beginning of the prompt read ahead, as in a conversation."""
    await model.preload(QUESTION[:1])
    session = model.open_session()
    try:
        return "".join([piece async for piece in session.reply(QUESTION, max_tokens=12, temperature=0)])
    finally:
        session.close()
