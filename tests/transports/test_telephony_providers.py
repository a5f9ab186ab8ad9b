from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from rtvi_local.transports.telephony_providers import ALAW, LINEAR, MULAW, PROVIDERS, Encoding, NotAPhoneCall, read_start

SOUND = np.array([0, 1000, -1000, 32_000], np.int16)
STARTS: dict[str, dict[str, Any]] = {
    "twilio": {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "streamSid": "MZ1",
            "accountSid": "AC1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"line": "front door"},
        },
        "streamSid": "MZ1",
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
        "extra_headers": "{}",
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
SENT: dict[str, tuple[Encoding, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "twilio": (
        MULAW,
        {"event": "media", "streamSid": "MZ1", "media": {"payload": "…"}},
        {"event": "clear", "streamSid": "MZ1"},
        {"event": "mark", "streamSid": "MZ1", "mark": {"name": "7"}},
    ),
    "telnyx": (
        ALAW,
        {"event": "media", "media": {"payload": "…"}},
        {"event": "clear"},
        {"event": "mark", "mark": {"name": "7"}},
    ),
    "plivo": (
        MULAW,
        {
            "event": "playAudio",
            "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "…"},
            "streamId": "b77f",
        },
        {"event": "clearAudio", "streamId": "b77f"},
        {"event": "checkpoint", "streamId": "b77f", "name": "7"},
    ),
    "exotel": (
        LINEAR,
        {"event": "media", "stream_sid": "e1", "media": {"payload": "…"}},
        {"event": "clear", "stream_sid": "e1"},
        {"event": "mark", "stream_sid": "e1", "mark": {"name": "7"}},
    ),
}


@pytest.mark.parametrize("name", [provider.name for provider in PROVIDERS])
def test_each_provider_is_recognised_and_gets_its_own_messages(name: str) -> None:
    call = read_start(STARTS[name])
    encoding, media, clear, mark = SENT[name]
    assert call.provider.name == name
    assert call.encoding is encoding
    sent = json.loads(call.media(SOUND))
    payload = base64.b64decode(sent["media"].pop("payload"))
    assert payload == encoding.encode(SOUND)
    assert np.abs(encoding.decode(payload).astype(int) - SOUND).max() <= 1000
    media["media"].pop("payload")
    assert sent == media
    assert json.loads(call.clear()) == clear
    assert json.loads(call.mark("7")) == mark


@pytest.mark.parametrize("name", ["twilio", "telnyx", "exotel"])
def test_what_the_dial_plan_says_comes_along(name: str) -> None:
    assert read_start(STARTS[name]).parameters == {"line": "front door"}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"event": "start"},
        {"event": "start", "start": []},
        {"event": "start", "start": {"streamSid": 7, "callSid": None}},
        {"start": {"streamSid": "a", "callSid": "b", "mediaFormat": {"encoding": "audio/x-l16"}}},
    ],
)
def test_what_is_no_call_or_speaks_otherwise_is_refused_with_a_reason(message: dict[str, Any]) -> None:
    with pytest.raises(NotAPhoneCall) as refused:
        read_start(message)
    assert str(refused.value)
