"""Models exchanged and a context summed up in the middle of real conversations."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtvi_local.config import Config
from rtvi_local.model_store import open_store
from tests.conftest import tiny_model
from tests.engines.tiny_vits import tiny_vits, write_tiny_voice
from tests.integration import still_voice
from tests.integration.still_voice import with_still_voice
from tests.integration.world import World, without_chance, world

pytestmark = pytest.mark.models


async def request(world: World, t: str, d: object = None) -> Any:
    since = len(world.caller.messages)
    world.caller.send("client-message", {"t": t, "d": d})
    return (await world.caller.wait_for("server-response", since=since, timeout_s=60)).data["d"]


async def typed(world: World, text: str) -> str:
    """The written answer to a written question."""
    since = len(world.caller.messages)
    world.caller.send("send-text", {"content": text, "options": {"audio_response": False}})
    await world.caller.wait_for("bot-llm-stopped", since=since, timeout_s=60)
    return "".join(m.data["text"] for m in world.caller.messages[since:] if m.type == "bot-llm-text").strip()


def speaks_by(voice: str, data: Any) -> bool:
    """Whether this is news of that voice."""
    return bool(data["config"]["tts"]["voice"] == voice)


async def summarized(world: World) -> bool:
    """Whether the model, left alone for as long as it needs, sums the conversation up."""
    (conversation,) = world.appliance._open
    if not conversation._keeper._covered:
        return False
    await world.caller.wait_for("server-message", timeout_s=30)
    return True


def test_another_model_is_loaded_behind_a_conversation_that_goes_on_and_freed_with_it(still_models: Path) -> None:
    for name in ("smollm2-135m", "whisper-tiny.en"):
        tiny_model(still_models, name)

    async def story() -> None:
        async with world(still_models, without_chance) as talking:
            entries = talking.appliance._pool._entries
            before = set(entries)
            since = len(talking.caller.messages)
            config = await request(
                talking, "configure", {"llm": {"model": "smollm2-135m"}, "stt": {"model": "whisper-tiny.en"}}
            )
            assert config["config"]["llm"]["model"] == "qwen2.5-coder-0.5b"
            assert await typed(talking, "Say hello."), "the one before answers meanwhile"
            for _ in range(2):
                await talking.caller.wait_for(
                    "server-message",
                    since=since,
                    timeout_s=60,
                    where=lambda data: (
                        data["config"]["llm"]["model"] == "smollm2-135m" and data["config"]["stt"]["model"] == "whisper-tiny.en"
                    ),
                )
            assert set(entries) - before == {("llm", "smollm2-135m"), ("stt", "whisper-tiny.en")}
            since = len(talking.caller.messages)
            answer = await talking.ask("What is the capital of Italy?")
            assert answer
            (heard,) = talking.transcripts(since)
            assert "capital of italy" in heard.lower()
            models = {
                m.data["ttfb"][0]["model"] for m in talking.caller.messages[since:] if m.type == "metrics" and "ttfb" in m.data
            }
            assert any("SmolLM2" in model for model in models)
            await request(talking, "configure", {"llm": {"model": "qwen2.5-coder-0.5b"}})
            await talking.caller.wait_for("server-message", since=since, timeout_s=60)
            await talking.appliance._pool.look_again()
            assert ("llm", "smollm2-135m") not in entries, "nobody uses it any more"

    asyncio.run(asyncio.wait_for(story(), 150))


def test_another_voice_is_chosen_by_its_name_and_the_first_one_again(models_directory: Path, tmp_path: Path) -> None:
    """The other one's weights are made here, so what it says is nothing that Whisper understands."""
    store = open_store(with_still_voice(models_directory, tmp_path))
    store.add(write_tiny_voice(tmp_path / "voice", tiny_vits()) / "tiny.onnx", "babble")

    async def story() -> None:
        async with world(store.directory, without_chance) as talking:
            for voice in ("babble", still_voice.NAME):
                since, began_ms = len(talking.caller.messages), talking.caller.now_ms()
                await request(talking, "configure", {"tts": {"voice": voice}})
                await talking.caller.wait_for("server-message", since=since, where=partial(speaks_by, voice))
                assert "rome" in (await talking.ask("What is the capital of Italy?")).lower()
                heard = talking.caller.heard_between(began_ms, talking.caller.now_ms())
                assert np.abs(heard).max() > 1000
                assert ("rome" in (await talking.understand(heard)).lower()) is (voice != "babble")
                spoke = [m.data["ttfb"][0] for m in talking.caller.messages[since:] if m.type == "metrics" and "ttfb" in m.data]
                assert {each["model"] for each in spoke if each["processor"] == "piper"} == {voice}

    asyncio.run(asyncio.wait_for(story(), 150))


def test_a_model_sums_up_what_it_will_forget_and_still_knows_it(models_directory: Path) -> None:
    def small(config: Config) -> Config:
        return replace(config, llm=replace(config.llm, context_tokens=640, max_tokens=60, temperature=0.0))

    async def story() -> None:
        async with world(models_directory, small) as talking:
            await typed(talking, "My name is Annabel, and my dog is called Rufus.")
            questions = ("What is bread made of?", "How do I boil an egg?", "Why is the sky blue?", "What do cows eat?")
            for question in questions * 5:
                await typed(talking, question)
                if await summarized(talking):
                    break
            (news,) = [message.data for message in talking.caller.messages if message.type == "server-message"]
            assert news["type"] == "context-summarized"
            context = (await request(talking, "context:get"))["messages"]
            assert [message["role"] for message in context[:3]] == ["system", "system", "user"]
            assert "My name is Annabel, and my dog is called Rufus." in context[1]["content"]
            assert "Annabel" in await typed(talking, "What is my name?")

    asyncio.run(asyncio.wait_for(story(), 150))
