"""RTVI over a WebSocket, as browsers' clients speak it: protobuf frames both ways, and bare RTVI messages as text.

The client plays what comes and never clears its buffer, so an interruption is heard as fast as our speaker stops sending, plus
what the client holds: see `audio.talkspurts`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.message_gate import MessageGate
from rtvi_local.transports.protobuf import (
    AudioFrame,
    FrameError,
    MessageFrame,
    decode,
    encode_audio,
    encode_message,
)
from rtvi_local.transports.socket import Connection, Data, SocketTransport

MOST_CHANNELS = 2


class WebSocketTransport(SocketTransport):
    """A Transport for one client of `/ws-client`."""

    name: ClassVar[str] = "websocket"
    output_sample_rate = 24_000
    """What browsers' clients play, whatever the frame says."""

    def __init__(self, connection: Connection, *, max_message_bytes: int) -> None:
        super().__init__(connection)
        self._max_message_bytes = max_message_bytes
        self._gate = MessageGate(max_message_bytes, self.send_message, self._loop.time)
        self._text = False
        """The client writes bare messages, and so gets them; sound stays binary."""

    def send_message(self, text: str) -> None:
        if not self._ended:
            self.messages_sent += 1
            self._outbox.put_message(text if self._text else encode_message(text))

    @property
    def statistics(self) -> dict[str, int]:
        return super().statistics | {"messages_refused": self._gate.refused}

    def _encode_audio(self, samples: Int16) -> Data:
        return encode_audio(samples.astype("<i2", copy=False).tobytes(), self.output_sample_rate)

    def _receive(self, data: Data) -> None:
        if isinstance(data, str):
            self._text = True
            self._take_message(data)
            return
        try:
            frame = decode(data)
            if isinstance(frame, AudioFrame):
                self._inbound.push(_samples(frame), frame.sample_rate)
            elif isinstance(frame, MessageFrame):
                self._text = False
                self._take_message(frame.text)
        except ValueError as error:
            self._gate.refuse(str(error))

    def _take_message(self, text: str) -> None:
        if self._gate.admits(text):
            self._gate.admitted()
            self._deliver_message(text)


def _samples(frame: AudioFrame) -> Int16:
    """Mono. Raises FrameError."""
    if frame.channels > MOST_CHANNELS:
        raise FrameError(f"sound must have 1 or {MOST_CHANNELS} channels")
    if len(frame.pcm) % (2 * frame.channels):
        raise FrameError("sound must be whole samples of 16 bits")
    samples = np.frombuffer(frame.pcm, "<i2").astype(np.int16, copy=False)
    if frame.channels == 1:
        return samples
    mixed: Int16 = (samples.reshape(-1, frame.channels).astype(np.int32).sum(axis=1) // frame.channels).astype(np.int16)
    return mixed
