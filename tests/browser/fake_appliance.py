"""The real server and the real pipeline in a thread of their own, around engines that need no models."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

import uvicorn

from rtvi_local.bench.server_process import free_port
from rtvi_local.config import Config, Models, WebRtc
from rtvi_local.engine_pool import Kind, Lease
from rtvi_local.engines.fakes import (
    EchoTranscriber,
    LoudWakeWord,
    Scripted,
    ScriptedModel,
    ScriptedTurnDetector,
    ScriptedVad,
    ToneVoice,
)
from rtvi_local.engines.interfaces import Message
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.options import OptionError
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.app import create_app
from rtvi_local.server.appliance import UnusableRequest
from rtvi_local.server.lan import Lan
from rtvi_local.server.websocket_protocol import websocket_options
from rtvi_local.stages.pipeline_request import PipelineRequest, read_request
from rtvi_local.stages.registry import PipelineError
from rtvi_local.transports.interface import Transport
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import until

Replies = Union[Sequence[Scripted], Callable[[Sequence[Message]], Scripted]]
CONFIG = replace(Config(), models=Models(stt="ears", llm="own-model", tts="own-voice"))


@dataclass
class FakeShelf:
    """Where conversations find other models."""

    engines: dict[tuple[Kind, str], Callable[[], Any]]

    def installed(self, kind: Kind) -> tuple[str, ...]:
        return tuple(name for of, name in self.engines if of == kind)

    async def look_again(self) -> None:
        """They stay the same."""

    async def lease(self, kind: Kind, name: str) -> Lease:
        return Lease(self.engines[kind, name](), lambda: None)


@dataclass
class FakeAppliance:
    """The server's Appliance. Whatever it hears is `heard`; it answers `replies`, or what they make of the messages, then says
    back what it was asked."""

    heard: str
    replies: Replies
    shelf: FakeShelf
    voice: ToneVoice = field(default_factory=lambda: ToneVoice(character_ms=40))
    requests: list[PipelineRequest] = field(default_factory=list)
    opened: list[Conversation] = field(default_factory=list)
    files: FileRules = field(default_factory=FileRules)
    sees: bool = False
    config: Config = CONFIG
    model: ScriptedModel = field(default_factory=ScriptedModel)

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
            read_request(request_data, self.config)
        except (PipelineError, OptionError) as error:
            raise UnusableRequest(str(error)) from error

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Conversation:
        self.model = ScriptedModel(self.replies, sees=self.sees)
        engines = Engines(
            open_activity=ScriptedVad,
            turn_detector=ScriptedTurnDetector(),
            transcriber=EchoTranscriber(lambda _: self.heard),
            is_invented=lambda _t, _s: False,
            language_model=self.model,
            voice=self.voice,
            open_wake_words=lambda words: LoudWakeWord(words[0]),
        )
        try:
            request = read_request(request_data, self.config)
            conversation = Conversation(
                transport,
                engines,
                self.config,
                stages=request.stages,
                wanted=request.wanted,
                shelf=self.shelf,
                files=self.files,
            )
        except (PipelineError, OptionError) as error:
            raise UnusableRequest(str(error)) from error
        self.requests.append(request)
        self.opened.append(conversation)
        conversation.start()
        return conversation


@contextlib.contextmanager
def fake_appliance(
    house: BrowserHouse,
    *,
    heard: str = "Hello there.",
    replies: Replies = (),
    sees: bool = False,
    builtin: Sequence[str] = (),
    models: Sequence[str] = (),
    voices: Sequence[str] = (),
    lan: Lan | None = None,
    webrtc: WebRtc | None = None,
) -> Iterator[tuple[str, FakeAppliance]]:
    """Its URL, and what is behind it. `models` and `voices` are the names of others that can be had; `builtin` are tools; with
    `lan` everybody must bring its token. The pages of `house` are closed before it goes."""
    engines: dict[tuple[Kind, str], Callable[[], Any]] = {}
    engines |= {("llm", name): ScriptedModel for name in models}
    engines |= {("tts", name): ToneVoice for name in voices}
    appliance = FakeAppliance(heard, replies, FakeShelf(engines), sees=sees)
    appliance.config = replace(CONFIG, tools=replace(CONFIG.tools, builtin=tuple(builtin)))
    port = free_port()
    app = create_app(replace(CONFIG, webrtc=webrtc or CONFIG.webrtc), appliance, lan=lan)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, **websocket_options(CONFIG)))

    async def serve() -> None:
        await server._serve()
        for conversation in appliance.opened:
            conversation.end("the test is over")
            await conversation.ended()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "server")
        yield f"http://localhost:{port}/", appliance
    finally:
        house.leave()
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
