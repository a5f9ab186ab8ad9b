"""A telephone call: a provider's media stream over a WebSocket. Never RTVI messages: providers count them as errors.

The provider plays what it gets from a buffer of its own. Our speaker keeps the pace, so that little waits there, and `clear`
empties it when the caller interrupts; marks come back when the caller has heard what was sent before them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.talkspurts import LEAD_MS, Talkspurts
from rtvi_local.transports.outbox import FRAME_MS, MOST_AUDIO_FRAMES
from rtvi_local.transports.pieces import Pieces
from rtvi_local.transports.socket import Connection, Data, SocketTransport
from rtvi_local.transports.telephony_providers import SAMPLE_RATE, Call, NotAPhoneCall, found, read_start

MARK_EVERY_MS = 500
_MOST_MARKS = 64
"""On their way; a provider that never answers must not fill the memory."""
KEYS_PAUSE_S = 1.5
"""After the last key of a number."""
_LAST_KEY = "#"
MOST_KEYS = 64
START_WITHIN_S = 10.0
_MESSAGES_BEFORE_START = 3
MOST_MESSAGE_CHARS = 65_536
"""20 ms of sound are 300; a second in one message is 11,000."""


class TelephonyTransport(SocketTransport):
    """A Transport for one phone call."""

    name: ClassVar[str] = "telephony"
    output_sample_rate = SAMPLE_RATE
    silence_is_quiet = True
    """Telephones and their networks send nothing where nobody speaks, and what is below -78 dB is 0 in G.711."""

    def __init__(self, connection: Connection, call: Call) -> None:
        super().__init__(connection)
        self.call = call
        piece_ms = call.provider.piece_ms
        self._pieces = Pieces(piece_ms * SAMPLE_RATE // 1000)
        if piece_ms:
            # A frame waits until its piece is full: so much more must be in the provider's buffer that it does not run empty.
            self._spurts = Talkspurts(SAMPLE_RATE, lead_ms=LEAD_MS + piece_ms - FRAME_MS)
            self._outbox.most_audio_frames = MOST_AUDIO_FRAMES * FRAME_MS // piece_ms
        self._marks: deque[tuple[str, int, float]] = deque(maxlen=_MOST_MARKS)
        """(name, samples sent by then, when) of those on their way."""
        self._sent_samples = self._marked_samples = 0
        self.heard_samples = 0
        """Of what was sent, what the provider has played to its end: known in steps of `MARK_EVERY_MS`."""
        self.lag_ms = 0.0
        """From sending to having been heard, when last measured."""
        self._keys = ""
        self._keys_due: asyncio.TimerHandle | None = None
        self._malformed = 0

    def send_audio(self, samples: Int16) -> None:
        super().send_audio(samples)
        if self._spurts.lasts:
            self._pieces.end()
        if not self._ended and (self._sent_samples - self._marked_samples) * 1000 >= MARK_EVERY_MS * SAMPLE_RATE:
            self._mark()

    def clear_audio(self) -> None:
        super().clear_audio()
        self._pieces.clear()
        if not self._ended:
            # The provider answers the marks that it skips as if they had been reached.
            self._marks.clear()
            self._outbox.put_message(self.call.clear())

    def send_message(self, text: str) -> None:
        """There is nobody on a telephone who could read it."""

    @property
    def statistics(self) -> dict[str, int]:
        return super().statistics | {
            "phone_sent_ms": self._sent_samples * 1000 // SAMPLE_RATE,
            "phone_heard_ms": self.heard_samples * 1000 // SAMPLE_RATE,
            "phone_messages_malformed": self._malformed,
        }

    def _put_audio(self, samples: Int16) -> None:
        for piece in self._pieces.push(samples):
            super()._put_audio(piece)

    def _encode_audio(self, samples: Int16) -> Data:
        self._sent_samples += samples.size
        return self.call.media(samples)

    def _mark(self) -> None:
        self._marked_samples = self._sent_samples
        name = str(self._sent_samples)
        self._marks.append((name, self._sent_samples, self._loop.time()))
        self._outbox.put_message(self.call.mark(name))

    def _receive(self, data: Data) -> None:
        message = _parsed(data)
        event = message.get("event")
        if event == "media":
            self._hear_media(message)
        elif event == "dtmf":
            self._press(found(message, ("dtmf", "digit")))
        elif event == self.call.provider.marked[0]:
            self._reach(found(message, self.call.provider.marked[1]))
        elif event == "stop":
            self._end("the caller hung up")
        elif event is None:
            self._malformed += 1

    def _hear_media(self, message: Mapping[str, Any]) -> None:
        payload = found(message, ("media", "payload"))
        # Streams of both directions bring our own voice back.
        if not isinstance(payload, str) or found(message, ("media", "track")) in ("outbound", "outbound_track"):
            return
        try:
            encoded = base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            self._malformed += 1
            return
        self._inbound.push(self.call.encoding.decode(encoded), SAMPLE_RATE)

    def _reach(self, name: object) -> None:
        if any(name == mark for mark, _, _ in self._marks):
            while self._marks:
                mark, samples, sent_s = self._marks.popleft()
                self.heard_samples = samples
                self.lag_ms = (self._loop.time() - sent_s) * 1000
                if mark == name:
                    break

    def _press(self, key: object) -> None:
        if not isinstance(key, str) or len(key) != 1 or len(self._keys) >= MOST_KEYS:
            return
        self._keys += key
        if self._keys_due is not None:
            self._keys_due.cancel()
        self._keys_due = self._loop.call_later(0 if key == _LAST_KEY else KEYS_PAUSE_S, self._tell_keys)

    def _tell_keys(self) -> None:
        keys, self._keys = self._keys, ""
        text = f"I pressed {' '.join(keys)} on my telephone."
        self._deliver_message(json.dumps({"label": "rtvi-ai", "type": "send-text", "data": {"content": text}}))

    def _end(self, reason: str) -> None:
        if self._keys_due is not None:
            self._keys_due.cancel()
        super()._end(reason)


async def answer(connection: Connection) -> Call:
    """Wait for the start of a call on an accepted WebSocket. Raises NotAPhoneCall, also if it does not come."""
    try:
        return await asyncio.wait_for(_read_start(connection), START_WITHIN_S)
    except asyncio.TimeoutError:
        raise NotAPhoneCall(f"no start message within {START_WITHIN_S:.0f} s") from None


async def _read_start(connection: Connection) -> Call:
    for _ in range(_MESSAGES_BEFORE_START):
        event = await connection.receive()
        if event["type"] == "websocket.disconnect":
            raise NotAPhoneCall("the provider hung up before the call began")
        message = _parsed(event.get("text") or event.get("bytes") or "")
        if message.get("event") == "start":
            return read_start(message)
    raise NotAPhoneCall("this endpoint is for telephone calls, and no start message came; RTVI clients use /ws-client")


def _parsed(data: Data) -> Mapping[str, Any]:
    """The message; empty if it is none."""
    if len(data) > MOST_MESSAGE_CHARS:
        return {}
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
