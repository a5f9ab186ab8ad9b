"""Whatever a client sends, over the data channel or the WebSocket: nothing is raised, and the conversation goes on."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, MutableMapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtvi_local import virtual_clock
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.transports.loopback import LoopbackTransport
from rtvi_local.transports.protobuf import MessageFrame, decode, encode_audio, encode_message
from rtvi_local.transports.webrtc_channel import Channel
from rtvi_local.transports.websocket import WebSocketTransport
from tests.pipeline.test_conversation import CONFIG
from tests.rtvi.examples import wire

LIMIT_BYTES = CONFIG.server.max_message_bytes
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "user", "tts", "x" * 999])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)
messages = st.sampled_from([json.loads(line) for line in wire("from_client") if '"disconnect-bot"' not in line])


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A message of the protocol in which up to three things are other than they should be."""
    message = copy.deepcopy(draw(messages))
    for _ in range(draw(st.integers(0, 3))):
        place, key = draw(st.sampled_from(list(places(message))))
        match draw(st.integers(0, 3)):
            case 0:
                del place[key]
            case 1:
                place[key] = [place[key]]
            case _:
                place[key] = draw(values)
        if not message:
            break
    return json.dumps(message)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in it."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


texts = spoilt() | spoilt().map(lambda text: text[: len(text) // 2]) | st.text(max_size=40) | values.map(json.dumps)
"""JSON and what is none."""
too_large = st.sampled_from(
    [json.dumps({"label": "rtvi-ai", "type": "send-text", "data": {"content": "x" * LIMIT_BYTES}}), "[" * 9999]
)
channel_data = texts | too_large | texts.map(lambda text: text.encode(errors="replace")) | st.binary(max_size=40)
frames = (
    texts
    | too_large
    | texts.map(lambda text: encode_message(text.encode(errors="replace").decode()))
    | st.builds(encode_audio, st.binary(max_size=99), st.integers(0, 200_000))
    | st.builds(
        lambda data, cut: data[:cut] + b"\xff" + data[cut:],
        texts.map(lambda t: t.encode(errors="replace")).map(lambda t: encode_message(t.decode())),
        st.integers(0, 30),
    )
    | st.binary(max_size=60)
)
HELLO = json.dumps(
    {"label": "rtvi-ai", "type": "client-ready", "id": "hello", "data": {"version": "2.1.0", "about": {"library": "x"}}}
)
QUESTION = json.dumps(
    {
        "label": "rtvi-ai",
        "type": "send-text",
        "id": "last",
        "data": {"content": "Still there?", "options": {"audio_response": False}},
    }
)


def engines() -> Engines:
    model = ScriptedModel(first_token_ms=20, token_ms=5)
    return Engines(ScriptedVad, ScriptedTurnDetector(), EchoTranscriber(), lambda _t, _s: False, model, ToneVoice())


class _Connection:
    """A WebSocket whose client sends what is put into `incoming`."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.sent: list[str] = []

    async def receive(self) -> MutableMapping[str, Any]:
        return await self.incoming.get()

    async def send_text(self, data: str) -> None:
        self.sent.append(data)

    async def send_bytes(self, data: bytes) -> None:
        frame = decode(data)
        if isinstance(frame, MessageFrame):
            self.sent.append(frame.text)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Nothing to close."""


def watched(story: Callable[[], Any]) -> None:
    """Run it in virtual time; whatever is raised in a callback or a task fails it too."""

    async def run() -> None:
        raised: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        await story()
        assert not raised, raised

    virtual_clock.run(run())


def is_answered(sent: list[str]) -> bool:
    """Whether the last question was taken, and answered after that."""
    told = [json.loads(text) for text in sent]
    taken = [number for number, message in enumerate(told) if (message.get("data") or {}).get("msg_id") == "last"]
    return bool(taken) and any(message["type"] == "bot-llm-text" for message in told[taken[-1] :])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(channel_data, max_size=12))
def test_on_the_data_channel(received: list[str | bytes]) -> None:
    async def story() -> None:
        transport = LoopbackTransport()
        conversation = Conversation(transport, engines(), CONFIG)
        channel = Channel(
            max_message_bytes=LIMIT_BYTES,
            on_message=conversation.on_message,
            on_track_status=lambda _: None,
            clock=asyncio.get_running_loop().time,
        )
        conversation.start()
        for data in (HELLO, *received):
            channel._receive(data)
            await asyncio.sleep(0.03)
        channel._receive(QUESTION)
        await asyncio.sleep(30)
        assert is_answered(transport.messages), transport.messages
        conversation.on_closed("done")
        await conversation.ended()

    watched(story)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(frames, max_size=12))
def test_on_the_websocket(received: list[str | bytes]) -> None:
    async def story() -> None:
        connection = _Connection()
        transport = WebSocketTransport(connection, max_message_bytes=LIMIT_BYTES)
        conversation = Conversation(transport, engines(), CONFIG)
        transport.attach(conversation)
        conversation.start()
        running = asyncio.create_task(transport.run())
        for data in (HELLO, *received, QUESTION):
            kind = "text" if isinstance(data, str) else "bytes"
            connection.incoming.put_nowait({"type": "websocket.receive", kind: data})
            await asyncio.sleep(0.03)
        await asyncio.sleep(30)
        assert is_answered(connection.sent), connection.sent
        connection.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await running
        await conversation.ended()

    watched(story)
