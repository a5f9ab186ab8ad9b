"""A real server and a real caller on real WebRTC, with engines that need no models: cheap enough for every test run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn

from rtvi_local.bench.caller import Caller, Message
from rtvi_local.bench.server_process import free_port
from rtvi_local.config import Config, Llm
from rtvi_local.engines.fakes import EchoTranscriber, Scripted, ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.options import OptionError
from rtvi_local.pipeline.request_data import read_options
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.app import create_app
from rtvi_local.server.appliance import UnusableRequest
from rtvi_local.server.websocket_protocol import websocket_options
from rtvi_local.transports.interface import Transport
from tests.until import until

CONFIG = replace(Config(), llm=Llm(system_prompt="Be brief."))


@dataclass
class FakeEnginesAppliance:
    """The server's Appliance, on engines that `engines` makes anew for each conversation."""

    engines: Callable[[], Engines]
    config: Config
    opened: list[Conversation] = field(default_factory=list)
    files: FileRules = field(default_factory=FileRules)

    @property
    def conversations(self) -> int:
        return len(self.opened)

    def is_idle(self) -> bool:
        return all(conversation.controls.is_idle for conversation in self.opened)

    def is_answering(self) -> bool:
        return any(conversation.is_answering for conversation in self.opened)

    def ready(self) -> Sequence[str]:
        return ()

    def check(self, request_data: dict[str, Any]) -> None:
        try:
            read_options(request_data)
        except OptionError as error:
            raise UnusableRequest(str(error)) from error

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Conversation:
        try:
            wanted = read_options(request_data)
            conversation = Conversation(transport, self.engines(), self.config, wanted=wanted, files=self.files)
        except OptionError as error:
            raise UnusableRequest(str(error)) from error
        self.opened.append(conversation)
        conversation.start()
        return conversation


@dataclass
class FakeWorld:
    url: str
    appliance: FakeEnginesAppliance
    caller: Caller

    async def ask(self, type: str, data: object = None) -> Any:
        """Send a request; returns its answer's data."""
        id = self.caller.send(type, data)
        return (await self.answer_to(id)).data

    async def answer_to(self, id: str) -> Message:
        def answer() -> Message | None:
            return next((message for message in self.caller.messages if message.id == id), None)

        await until(answer)
        found = answer()
        assert found is not None
        return found


def fake_engines(*heard: str, replies: Sequence[Scripted] = ()) -> Engines:
    return Engines(
        open_activity=ScriptedVad,
        turn_detector=ScriptedTurnDetector(),
        transcriber=EchoTranscriber(heard),
        is_invented=lambda _t, _s: False,
        language_model=ScriptedModel(replies),
        voice=ToneVoice(character_ms=20),
    )


@asynccontextmanager
async def fake_server(
    engines: Callable[[], Engines] = fake_engines, config: Config = CONFIG
) -> AsyncIterator[tuple[str, FakeEnginesAppliance]]:
    """The server alone: its URL, and what is behind it."""
    appliance = FakeEnginesAppliance(engines, config)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(config, appliance), port=port, log_config=None, **websocket_options(config))
    )
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}", appliance
    finally:
        server.should_exit = True
        await serving
        for conversation in appliance.opened:
            conversation.end("the test is over")
            await conversation.ended()


@asynccontextmanager
async def fake_world(
    engines: Callable[[], Engines] = fake_engines, config: Config = CONFIG, **caller: Any
) -> AsyncIterator[FakeWorld]:
    async with fake_server(engines, config) as (url, appliance), Caller(url, **caller) as calling:
        yield FakeWorld(url, appliance, calling)
