"""What differs between telephone providers' media streams: names and places in JSON. A table, and how to read it.

Sources: Twilio's Media Streams WebSocket messages, Telnyx's media streaming over WebSockets, Plivo's audio streaming protocol
(docs.plivo.com) and Exotel's voicebot applet (developer.exotel.com), as their public documentation describes them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from rtvi_local.audio import alaw, mulaw
from rtvi_local.audio.pcm import Int16

SAMPLE_RATE = 8_000
Path = tuple[str, ...]
STREAM, PAYLOAD, NAME = "$stream", "$payload", "$name"
"""Stand in the templates for what is filled in."""


@dataclass(frozen=True)
class Encoding:
    decode: Callable[[bytes], Int16]
    encode: Callable[[Int16], bytes]


MULAW = Encoding(mulaw.decode, mulaw.encode)
ALAW = Encoding(alaw.decode, alaw.encode)
LINEAR = Encoding(
    lambda data: np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16, copy=False),
    lambda samples: samples.astype("<i2", copy=False).tobytes(),
)
_G711: Mapping[str, Encoding] = MappingProxyType(
    {"audio/x-mulaw": MULAW, "pcmu": MULAW, "mulaw": MULAW, "pcma": ALAW, "audio/x-alaw": ALAW}
)
_PCM: Mapping[str, Encoding] = MappingProxyType(
    dict.fromkeys(("base64", "raw/slin", "audio/x-raw", "slin", "linear16", "pcm", "l16", "audio/l16", "audio/x-l16"), LINEAR)
)
"""Exotel's, which is little-endian."""


@dataclass(frozen=True)
class Provider:
    """Where things stand in a provider's messages, and what it wants to get. Paths are keys, outermost first."""

    name: str
    stream_id: Path
    call_id: Path
    parameters: Path
    format: Path
    """Where the sound is described."""
    rate: str
    """What its sample rate is called there."""
    encodings: Mapping[str, Encoding]
    """Those that are understood, by their names; the first is that of a start message that names none."""
    remedy: str
    """What to set where the sound is another."""
    media: Mapping[str, Any]
    clear: Mapping[str, Any]
    mark: Mapping[str, Any]
    marked: tuple[str, Path]
    """The event that says that a mark was reached, and where its name is."""
    piece_ms: int = 0
    """How much sound it wants in a message; 0 if it takes what comes."""


def _marked_as_twilio(**stream: str) -> dict[str, Any]:
    return {
        "media": {"event": "media", **stream, "media": {"payload": PAYLOAD}},
        "clear": {"event": "clear", **stream},
        "mark": {"event": "mark", **stream, "mark": {"name": NAME}},
        "marked": ("mark", ("mark", "name")),
    }


PROVIDERS = (
    Provider(
        name="twilio",
        stream_id=("start", "streamSid"),
        call_id=("start", "callSid"),
        parameters=("start", "customParameters"),
        format=("start", "mediaFormat"),
        rate="sampleRate",
        encodings=_G711,
        remedy="connect the call with <Connect><Stream>",
        **_marked_as_twilio(streamSid=STREAM),
    ),
    Provider(
        name="telnyx",
        stream_id=("stream_id",),
        call_id=("start", "call_control_id"),
        parameters=("start", "custom_parameters"),
        format=("start", "media_format"),
        rate="sample_rate",
        encodings=_G711,
        remedy="set stream_codec and stream_bidirectional_codec to PCMU",
        **_marked_as_twilio(),
    ),
    Provider(
        name="plivo",
        stream_id=("start", "streamId"),
        call_id=("start", "callId"),
        parameters=("extra_headers",),
        format=("start", "mediaFormat"),
        rate="sampleRate",
        encodings={"audio/x-mulaw": MULAW},
        remedy='set contentType="audio/x-mulaw;rate=8000"',
        media={
            "event": "playAudio",
            "media": {"contentType": "audio/x-mulaw", "sampleRate": SAMPLE_RATE, "payload": PAYLOAD},
            "streamId": STREAM,
        },
        clear={"event": "clearAudio", "streamId": STREAM},
        mark={"event": "checkpoint", "streamId": STREAM, "name": NAME},
        marked=("playedStream", ("name",)),
    ),
    Provider(
        name="exotel",
        stream_id=("start", "stream_sid"),
        call_id=("start", "call_sid"),
        parameters=("start", "custom_parameters"),
        format=("start", "media_format"),
        rate="sample_rate",
        encodings={**_PCM, **_G711},
        remedy="leave sample-rate out of the applet's URL",
        # At least 100 ms, in whole packets of 20 ms (320 bytes of PCM): of less it says that the sound may have gaps.
        piece_ms=100,
        **_marked_as_twilio(stream_sid=STREAM),
    ),
)


class NotAPhoneCall(ValueError):
    """The stream's start cannot be understood; the text says why."""


@dataclass(frozen=True)
class Call:
    """One media stream, as its start message describes it, and the messages that its provider wants."""

    provider: Provider
    stream_id: str
    call_id: str
    encoding: Encoding
    parameters: Mapping[str, Any]

    def media(self, samples: Int16) -> str:
        payload = base64.b64encode(self.encoding.encode(samples)).decode()
        return self._filled(self.provider.media, payload=payload)

    def clear(self) -> str:
        return self._filled(self.provider.clear)

    def mark(self, name: str) -> str:
        return self._filled(self.provider.mark, name=name)

    def _filled(self, template: Mapping[str, Any], **values: str) -> str:
        known = {f"${key}": value for key, value in values.items()} | {STREAM: self.stream_id}
        return json.dumps(_filled(template, known), separators=(",", ":"))


def read_start(message: Mapping[str, Any]) -> Call:
    """The call that a `start` message begins. Raises NotAPhoneCall."""
    for provider in PROVIDERS:
        stream_id, call_id = found(message, provider.stream_id), found(message, provider.call_id)
        if not isinstance(stream_id, str) or not isinstance(call_id, str):
            continue
        return Call(
            provider=provider,
            stream_id=stream_id,
            call_id=call_id,
            encoding=_encoding(provider, message),
            parameters=_parameters(found(message, provider.parameters)),
        )
    names = ", ".join(provider.name for provider in PROVIDERS)
    raise NotAPhoneCall(f"the start message is of no provider that is known here ({names})")


def found(message: Mapping[str, Any], path: Path) -> Any:
    """What stands there; None if nothing does."""
    value: Any = message
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _encoding(provider: Provider, message: Mapping[str, Any]) -> Encoding:
    sound = found(message, provider.format)
    sound = sound if isinstance(sound, Mapping) else {}
    named = str(sound.get("encoding") or next(iter(provider.encodings))).partition(";")[0].lower()
    rate = str(sound.get(provider.rate) or SAMPLE_RATE)
    encoding = provider.encodings.get(named)
    if encoding is None or rate != str(SAMPLE_RATE):
        kind = f"{named[:20]!r} at {rate[:6]} Hz"
        raise NotAPhoneCall(f"sound as {kind} would be noise; for G.711 at 8000 Hz {provider.remedy}")
    return encoding


def _parameters(given: object) -> Mapping[str, Any]:
    """An object; from Plivo as text, in JSON or as `key=value;key=value`, and with the prefix of a SIP header or without."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = _pairs(str(given))
    return {key.removeprefix("X-PH-"): value for key, value in given.items()} if isinstance(given, dict) else {}


def _pairs(text: str) -> dict[str, str]:
    pairs = (re.split("[=:]", pair, maxsplit=1) for pair in re.split("[;,]", text.strip("{} ")) if pair.strip())
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    if isinstance(template, Mapping):
        return {key: _filled(value, values) for key, value in template.items()}
    return values.get(template, template) if isinstance(template, str) else template
