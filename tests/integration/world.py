"""A real appliance and a real caller in one process, so that a test can look into the one and hear through the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from rtvi_local.appliance import Appliance
from rtvi_local.bench.caller import Caller
from rtvi_local.bench.server_process import free_port
from rtvi_local.config import Config, Models
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.frames import Frame, Prompt
from rtvi_local.server.app import create_app
from rtvi_local.server.websocket_protocol import websocket_options
from tests.integration import still_voice
from tests.integration.conversing import Instruments, Talk, instruments


@dataclass
class Serving(Instruments):
    """`appliance` listens at `url`; `frames` is what its conversation's stages emitted."""

    appliance: Appliance
    url: str
    frames: list[Frame]

    @property
    def prompts(self) -> list[Sequence[dict[str, Any]]]:
        return [frame.messages for frame in self.frames if isinstance(frame, Prompt)]


@dataclass
class World(Serving, Talk):
    """`caller` talks with `appliance`."""


@asynccontextmanager
async def world(
    models: Path, change: Callable[[Config], Config] = lambda config: config, **caller_options: Any
) -> AsyncIterator[World]:
    async with serving(models, change) as s, Caller(s.url, **caller_options) as caller:
        yield World(s.voice, s.whisper, caller, s.appliance, s.url, s.frames)


@asynccontextmanager
async def serving(models: Path, change: Callable[[Config], Config] = lambda config: config) -> AsyncIterator[Serving]:
    config = change(replace(Config(), models=Models(directory=str(models))))
    port = free_port()
    appliance = Appliance.prepare(config)
    frames: list[Frame] = []
    open_conversation = appliance.open_conversation

    def observed(transport: Any, request_data: dict[str, Any]) -> Any:
        conversation = open_conversation(transport, request_data)
        assert isinstance(conversation, Conversation)
        conversation.observe_with(frames.append)
        return conversation

    appliance.open_conversation = observed  # type: ignore[method-assign]
    server = uvicorn.Server(
        uvicorn.Config(create_app(config, appliance), port=port, log_config=None, **websocket_options(config))
    )
    listening = asyncio.create_task(server._serve())
    await appliance.load()
    try:
        with instruments(models, config.models.tts or still_voice.VOICE) as ours:
            yield Serving(ours.voice, ours.whisper, appliance, f"http://127.0.0.1:{port}", frames)
    finally:
        server.should_exit = True
        await listening
        await appliance.close()


def surest(config: Config) -> Config:
    """For tests that do not look at the luck of an answer."""
    return replace(config, llm=replace(config.llm, temperature=0.0))


def without_chance(config: Config) -> Config:
    """Nor at that of a voice, the caller's or the appliance's: with `still_models`."""
    return replace(surest(config), models=replace(config.models, tts=still_voice.NAME))
