from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from rtvi_local.transports.socket import MOST_REASON_BYTES
from rtvi_local.transports.telephony_providers import ALAW, LINEAR, MULAW, PROVIDERS, Encoding, NotAPhoneCall, read_start
from tests.transports.phones import STARTS, STREAM

SOUND = np.array([0, 1000, -1000, 32_000], np.int16)
SENT: dict[str, tuple[Encoding, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "twilio": (
        MULAW,
        {"event": "media", "streamSid": STREAM, "media": {"payload": "…"}},
        {"event": "clear", "streamSid": STREAM},
        {"event": "mark", "streamSid": STREAM, "mark": {"name": "7"}},
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


@pytest.mark.parametrize("name", list(STARTS))
def test_what_the_dial_plan_says_comes_along(name: str) -> None:
    assert read_start(STARTS[name]).parameters == {"line": "front door"}


@pytest.mark.parametrize(
    "headers",
    ['{"line": "front door"}', "line=front door", "X-PH-line=front door;", "{X-PH-line: front door}", {"line": "front door"}],
)
def test_plivos_headers_are_understood_in_every_shape_that_it_documents(headers: object) -> None:
    assert read_start(STARTS["plivo"] | {"extra_headers": headers}).parameters == {"line": "front door"}


@pytest.mark.parametrize("headers", ["{}", "", "[1]", None, 7])
def test_without_headers_there_are_no_parameters(headers: object) -> None:
    assert read_start(STARTS["plivo"] | {"extra_headers": headers}).parameters == {}


@pytest.mark.parametrize(
    ("name", "sound", "remedy"),
    [
        ("twilio", {"encoding": "audio/x-l16", "sampleRate": 8000}, "<Connect><Stream>"),
        ("telnyx", {"encoding": "L16", "sample_rate": 16000}, "stream_bidirectional_codec"),
        ("telnyx", {"encoding": "PCMU", "sample_rate": 16000}, "stream_codec"),
        ("telnyx", {"encoding": "OPUS", "sample_rate": 8000}, "PCMU"),
        ("plivo", {"encoding": "audio/x-l16", "sampleRate": 8000}, 'contentType="audio/x-mulaw;rate=8000"'),
        ("plivo", {"encoding": "audio/x-l16", "sampleRate": 16000}, 'contentType="audio/x-mulaw;rate=8000"'),
        ("exotel", {"encoding": "base64", "sample_rate": "16000"}, "leave sample-rate out"),
    ],
)
def test_sound_that_would_be_noise_is_refused_and_what_to_set_is_said(name: str, sound: dict[str, Any], remedy: str) -> None:
    format = "mediaFormat" if name in ("twilio", "plivo") else "media_format"
    start = STARTS[name] | {"start": STARTS[name]["start"] | {format: sound}}
    with pytest.raises(NotAPhoneCall) as refused:
        read_start(start)
    assert remedy in str(refused.value)
    assert f"{str(sound['encoding']).lower()!r} at {sound.get('sampleRate') or sound['sample_rate']} Hz" in str(refused.value)
    assert len(str(refused.value).encode()) <= MOST_REASON_BYTES, "it is the reason that the stream is closed with"


@pytest.mark.parametrize(
    ("sound", "encoding"),
    [
        ({}, LINEAR),
        ({"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"}, LINEAR),
        ({"encoding": "raw/slin"}, LINEAR),
        ({"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"}, LINEAR),
        ({"encoding": "audio/x-mulaw;rate=8000", "sample_rate": 8000}, MULAW),
    ],
)
def test_exotel_sends_pcm_unless_it_says_otherwise(sound: dict[str, Any], encoding: Encoding) -> None:
    start = STARTS["exotel"] | {"start": STARTS["exotel"]["start"] | {"media_format": sound}}
    assert read_start(start).encoding is encoding


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
