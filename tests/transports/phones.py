"""Telephone providers' side of a media stream, each as its documentation has it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.telephony_providers import ALAW, LINEAR, MULAW, Encoding
from tests.transports.clients import SocketClient

FRAME_SAMPLES = 160
"""20 ms."""
STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
STARTS: dict[str, dict[str, Any]] = {
    "twilio": {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "streamSid": STREAM,
            "accountSid": "AC1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"line": "front door"},
        },
        "streamSid": STREAM,
    },
    "telnyx": {
        "event": "start",
        "sequence_number": "1",
        "start": {
            "call_control_id": "v2:call",
            "client_state": "",
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
            "custom_parameters": {"line": "front door"},
        },
        "stream_id": "32de",
    },
    "plivo": {
        "sequenceNumber": 0,
        "event": "start",
        "start": {
            "callId": "b77e",
            "streamId": "b77f",
            "accountId": "MA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": '{"line": "front door"}',
    },
    "exotel": {
        "event": "start",
        "sequence_number": 1,
        "stream_sid": "e1",
        "start": {
            "stream_sid": "e1",
            "call_sid": "c1",
            "account_sid": "a1",
            "from": "+1",
            "custom_parameters": {"line": "front door"},
        },
    },
}


@dataclass(frozen=True)
class Wire:
    """What stands in a provider's messages besides what they are about."""

    encoding: Encoding
    sent: dict[str, Any]
    """In every message to the appliance but the start."""
    got: dict[str, Any]
    """In every message from it."""
    greeting: dict[str, Any] | None = None
    """What comes before the start."""
    plays: str = "media"
    clears: str = "clear"
    media: dict[str, Any] = field(default_factory=lambda: {"track": "inbound", "chunk": "1", "timestamp": "5"})


WIRES: Mapping[str, Wire] = {
    "twilio": Wire(
        MULAW, {"streamSid": STREAM}, {"streamSid": STREAM}, {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    ),
    "telnyx": Wire(ALAW, {"stream_id": "32de", "sequence_number": "4"}, {}, {"event": "connected", "version": "1.0.0"}),
    "plivo": Wire(MULAW, {"streamId": "b77f"}, {"streamId": "b77f"}, plays="playAudio", clears="clearAudio"),
    "exotel": Wire(
        LINEAR, {"stream_sid": "e1"}, {"stream_sid": "e1"}, {"event": "connected"}, media={"chunk": 2, "timestamp": "10"}
    ),
}


class Phone(SocketClient):
    """A provider, with a buffer that it plays in real time, and empties when told to. `start` may be changed before `open`."""

    sample_rate = 8_000
    microphone_rate = 8_000

    def __init__(self, provider: str = "twilio") -> None:
        super().__init__()
        self.start = copy.deepcopy(STARTS[provider])
        self._wire = WIRES[provider]
        self.events: list[dict[str, Any]] = []
        self.cleared_ms: list[float] = []

    async def open(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        await super().open(url, headers)
        with contextlib.suppress(ConnectionClosed):
            if self._wire.greeting is not None:
                await self.send(self._wire.greeting)
            await self.send(self.start)

    async def say(self, samples: Int16) -> None:
        payload = base64.b64encode(self._wire.encoding.encode(samples)).decode()
        await self.send({"event": "media", **self._wire.sent, "media": self._wire.media | {"payload": payload}})

    async def send(self, event: object) -> None:
        await self.socket.send(json.dumps(event))

    def _take(self, data: str | bytes) -> None:
        event = json.loads(data)
        assert event.items() >= self._wire.got.items()
        self.events.append(event)
        if event["event"] == self._wire.plays:
            sound = self._wire.encoding.decode(base64.b64decode(event["media"]["payload"]))
            for start in range(0, sound.size, FRAME_SAMPLES):
                self._hear(sound[start : start + FRAME_SAMPLES])
        elif event["event"] == self._wire.clears:
            self.cleared_ms.append(asyncio.get_running_loop().time() * 1000)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]
