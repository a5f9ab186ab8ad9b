"""`get_camera_frame` from end to end: a client's camera and screen over real WebRTC, and llama.cpp with a vision model whose
weights are made here. Such a model asks for nothing by itself, so the call is put into its mouth; it does the rest."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Tools
from rtvi_local.engines.interfaces import Message
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.images.content import image_part
from rtvi_local.images.picture import from_rgb, to_rgb
from rtvi_local.pipeline.engines import Engines
from rtvi_local.tools.tool import Tool, WrittenCall
from rtvi_local.transports.webrtc_audio import NoVideoTrack
from tests.engines.tiny_vision import seeing_llama
from tests.integration.fake_world import CONFIG, fake_engines, fake_server
from tests.pipeline.test_conversation import HELLO
from tests.transports.test_webrtc_video import BLUE, RED, Colour
from tests.until import until

CONTEXT_TOKENS, REPLY_TOKENS = 1024, 12
SETTINGS = replace(
    CONFIG,
    llm=replace(CONFIG.llm, temperature=0.0, max_tokens=REPLY_TOKENS, context_tokens=CONTEXT_TOKENS),
    tools=Tools(builtin=("get_camera_frame",)),
)

Rgb = tuple[int, int, int]


@pytest.fixture
def model(tmp_path: Path) -> Iterator[LlamaModel]:
    folder = seeing_llama(tmp_path / "seeing")
    model = LlamaModel.load(folder, device="cpu", threads=1, context_tokens=CONTEXT_TOKENS, sessions=2, recoded=False)

    async def looks(messages: Sequence[Message], tools: Sequence[Tool]) -> list[WrittenCall]:
        assert [tool.name for tool in tools] == ["get_camera_frame"]
        return [WrittenCall("get_camera_frame", {})] if messages[-1]["role"] == "user" else []

    model.caller.calls = looks  # type: ignore[method-assign]
    yield model
    model.close()


@dataclass
class Asked:
    """A client that has asked what is to be seen, and was answered."""

    told: list[dict[str, Any]] = field(default_factory=list)
    """The messages that it got."""
    context: list[Message] = field(default_factory=list)
    """What the model knows then."""

    def types(self) -> list[str]:
        return [message["type"] for message in self.told]

    def news(self, type: str) -> list[Any]:
        return [message["data"] for message in self.told if message["type"] == type]

    @property
    def answer(self) -> str:
        return "".join(data["text"] for data in self.news("bot-llm-text"))


@asynccontextmanager
async def asking(model: LlamaModel, *video: Any, camera_on: bool = True) -> AsyncIterator[Asked]:
    asked = Asked()

    def engines() -> Engines:
        return replace(fake_engines(), language_model=model)

    async with fake_server(engines, SETTINGS) as (url, appliance), httpx.AsyncClient(base_url=url) as http:

        async def offer(method: str, body: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = (await http.request(method, "/api/offer", json=body)).raise_for_status().json()
            return answer

        client = WebRtcClient(offer, video=video, on_message=lambda text: asked.told.append(json.loads(text)))
        await client.connect()

        def send(type: str, **content: Any) -> None:
            client.send(json.dumps({"label": "rtvi-ai", "type": type, "id": type, **content}))

        send("client-ready", data=HELLO)
        send("signalling", message={"type": "trackStatus", "receiver_index": 1, "enabled": camera_on})
        send("send-text", data={"content": "What do you see?", "options": {"audio_response": False}})
        await until(lambda: asked.types().count("bot-llm-stopped") == 2, 60)
        asked.context = list(appliance.opened[0].context.messages)
        yield asked
        await client.close()


async def said(model: LlamaModel, messages: Sequence[Message]) -> str:
    """By the model itself, without an appliance around it."""
    session = model.open_session()
    try:
        return "".join([piece async for piece in session.reply(messages, max_tokens=REPLY_TOKENS, temperature=0.0)])
    finally:
        session.close()


@pytest.mark.parametrize(
    ("camera", "screen", "source", "seen"),
    [(RED, None, "camera", RED), (RED, BLUE, "camera", RED), (None, BLUE, "screen", BLUE)],
    ids=["a camera", "a camera and a screen", "a screen"],
)
def test_what_a_client_shows_is_seen_by_the_model(
    model: LlamaModel, camera: Rgb | None, screen: Rgb | None, source: str, seen: Rgb
) -> None:
    async def story() -> None:
        video = [NoVideoTrack() if camera is None else Colour(camera), *([Colour(screen)] if screen else [])]
        async with asking(model, *video, camera_on=camera is not None) as asked:
            (shown,) = asked.news("server-message")
            assert (shown["type"], shown["source"]) == ("image", source)
            mean = to_rgb(base64.b64decode(shown["bytes"])).mean((0, 1))
            assert np.abs(mean - seen).max() < 15
            assert asked.answer
            system, question, call, result, answer = asked.context
            assert answer == {"role": "assistant", "content": asked.answer}
            # It is this picture that the answer comes from: the same words about another one are answered otherwise.
            assert await said(model, [system, question, call, result]) == asked.answer
            other = image_part(from_rgb(np.full((48, 64, 3), (20, 200, 20), np.uint8)))
            assert isinstance(result["content"], list)
            assert (
                await said(model, [system, question, call, {**result, "content": [result["content"][0], other]}])
                != asked.answer
            )

    asyncio.run(story())
