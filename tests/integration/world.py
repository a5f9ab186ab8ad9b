"""A real appliance and a real caller in one process, so that a test can look into the one and hear through the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn

from rtvi_local.appliance import Appliance
from rtvi_local.audio.pcm import to_float
from rtvi_local.bench.caller import Caller, Int16, Said
from rtvi_local.bench.server_process import free_port
from rtvi_local.bench.speech import resampled, synthesize
from rtvi_local.config import Config, Models
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.frames import Frame, Prompt
from rtvi_local.server.app import create_app
from rtvi_local.server.websocket_protocol import websocket_options


@dataclass
class World:
    """`caller` talks with `appliance`; `frames` is what the conversation's stages emitted."""

    appliance: Appliance
    url: str
    caller: Caller
    voice: PiperVoice
    whisper: Whisper
    frames: list[Frame] = field(default_factory=list)

    async def say(self, text: str) -> Said:
        """Speak with the project's own voice, and return when the last sample has left."""
        said = self.caller.say(await synthesize(self.voice, text))
        await said.done.wait()
        return said

    async def ask(self, text: str) -> str:
        """Say something and wait until it has been answered; returns the answer's text as the client was told it."""
        since = len(self.caller.messages)
        await self.say(text)
        return await self.answer(since)

    async def answer(self, since: int) -> str:
        """Wait until the answer to the last thing that was said is over; returns the text of all that was answered."""
        messages = self.caller.messages
        await self.caller.wait_until(
            lambda: _is_answered([message.type for message in messages[since:]]), "no answer", since=since, timeout_s=60
        )
        return "".join(m.data["text"] for m in self.caller.messages[since:] if m.type == "bot-llm-text").strip()

    def transcripts(self, since: int = 0) -> list[str]:
        return [m.data["text"] for m in self.caller.messages[since:] if m.type == "user-transcription" and m.data["final"]]

    @property
    def prompts(self) -> list[Sequence[dict[str, Any]]]:
        return [frame.messages for frame in self.frames if isinstance(frame, Prompt)]

    async def understand(self, samples: Int16) -> str:
        """What the project's own Whisper makes of 48 kHz audio of any length."""
        audio = to_float(resampled(samples, 48_000, 16_000))
        pieces = [audio[start : start + 25 * 16_000] for start in range(0, audio.size, 25 * 16_000)]
        return " ".join([(await self.whisper.transcribe(piece, language="en")).text for piece in pieces])


@asynccontextmanager
async def world(models: Path, change: Callable[[Config], Config] = lambda config: config) -> AsyncIterator[World]:
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
    serving = asyncio.create_task(server._serve())
    await appliance.load()
    voice = PiperVoice.load(models / "piper-en_US-joe-medium", device="cpu", threads=2)
    whisper = Whisper.load(models / "whisper-base", device="cpu", threads=2)
    url = f"http://127.0.0.1:{port}"
    try:
        async with Caller(url) as caller:
            yield World(appliance, url, caller, voice, whisper, frames)
    finally:
        server.should_exit = True
        await serving
        await appliance.close()
        voice.close()
        whisper.close()


def _is_answered(types: Sequence[str]) -> bool:
    """Whether the bot has spoken to its end after the person last did. A sentence with a pause in it may be answered in the
    pause and once more, whole: what was interrupted was not the answer."""
    edges = ("user-started-speaking", "user-stopped-speaking", "bot-interrupted", "bot-stopped-speaking")
    last = [type for type in types if type in edges][-2:]
    return last[-1:] == ["bot-stopped-speaking"] and last[0] != "bot-interrupted"
