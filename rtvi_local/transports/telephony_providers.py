"""What differs between telephone providers' media streams: names and places in JSON. A table, and how to read it.

Sources: Twilio's Media Streams WebSocket messages, Telnyx's media streaming over WebSockets, Plivo's audio streaming protocol
and Exotel's voicebot applet, as their public documentation describes them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from rtvi_local.audio import alaw, mulaw
from rtvi_local.audio.mulaw import Int16

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
ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {"audio/x-mulaw": MULAW, "pcmu": MULAW, "mulaw": MULAW, "pcma": ALAW, "audio/x-alaw": ALAW}
)


@dataclass(frozen=True)
class Provider:
    """Where things stand in a provider's messages, and what it wants to get. Paths are keys, outermost first."""

    name: str
    stream_id: Path
    call_id: Path
    parameters: Path
    encoding: Path | Encoding
    """Where the start message names it, or what it always is."""
    media: Mapping[str, Any]
    clear: Mapping[str, Any]
    mark: Mapping[str, Any]
    marked: tuple[str, Path]
    """The event that says that a mark was reached, and where its name is."""


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
        encoding=("start", "mediaFormat", "encoding"),
        **_marked_as_twilio(streamSid=STREAM),
    ),
    Provider(
        name="telnyx",
        stream_id=("stream_id",),
        call_id=("start", "call_control_id"),
        parameters=("start", "custom_parameters"),
        encoding=("start", "media_format", "encoding"),
        **_marked_as_twilio(),
    ),
    Provider(
        name="plivo",
        stream_id=("start", "streamId"),
        call_id=("start", "callId"),
        parameters=("start", "extra_headers"),
        encoding=MULAW,
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
        encoding=LINEAR,
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
        parameters = found(message, provider.parameters)
        return Call(
            provider=provider,
            stream_id=stream_id,
            call_id=call_id,
            encoding=_encoding(provider, message),
            parameters=parameters if isinstance(parameters, dict) else {},
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
    if isinstance(provider.encoding, Encoding):
        return provider.encoding
    named = found(message, provider.encoding)
    if named is None:
        return MULAW
    encoding = ENCODINGS.get(str(named).lower())
    if encoding is None:
        raise NotAPhoneCall(f"sound as {str(named)[:40]!r} is not understood; use G.711 (PCMU or PCMA) at 8 kHz")
    return encoding


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    if isinstance(template, Mapping):
        return {key: _filled(value, values) for key, value in template.items()}
    return values.get(template, template) if isinstance(template, str) else template
