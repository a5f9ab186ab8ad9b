"""The same interruptions in virtual time, for machines that are too busy to listen in real time: the real voice, real ears, the
very conversation, the same packets; only the network is not there, which adds nothing and takes nothing away."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, cast

import numpy as np

from rtvi_local.audio.opus import OpusDecoder
from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.heard_trials import FADED_MS, STORY, Trial, trial
from rtvi_local.bench.word_clock import WordClock
from rtvi_local.config import Config, Stt
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel
from rtvi_local.engines.interfaces import Voice
from rtvi_local.engines.silero import Silero
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import BotStoppedSpeaking, Frame
from rtvi_local.transports.loopback import LoopbackTransport
from rtvi_local.transports.webrtc_audio import OutboundAudio, PacketTrack

RATE = 48_000
LONGEST_S = 30.0


class PacketTransport(LoopbackTransport):
    """Encodes what it is given as the WebRTC transport does, and decodes it as a client would."""

    def __init__(self) -> None:
        super().__init__(RATE)
        self._loop = asyncio.get_running_loop()
        self._out = OutboundAudio(self._loop)
        self._out.track = cast("PacketTrack", self)
        self._decoder = OpusDecoder()
        self.arrivals: list[Arrival] = []

    def send_audio(self, samples: Int16) -> None:
        self._out.send(samples)

    def put(self, packet: Any) -> None:
        pieces = [frame.to_ndarray().reshape(-1).astype(np.int16) for frame in self._decoder.decode(bytes(packet))]
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        self.arrivals.append(Arrival(self._loop.time() * 1000, samples, packet.pts * 1000 / RATE))


async def interrupted(
    way: str, objection: Int16 | None, after_s: float, voice: Voice, silero: Silero, clock: WordClock
) -> Trial:
    """One story, interrupted `after_s` after its first sound: by `objection` (16 kHz), whose words are `way`, or by `way`."""
    transport, frames = PacketTransport(), list[Frame]()
    config = replace(Config(), stt=Stt(interim_ms=300))
    engines = Engines(
        silero.detector,
        None,
        EchoTranscriber(lambda samples: way if objection is not None and samples.size > 8000 else "", delay_ms=90),
        lambda _t, _s: False,
        ScriptedModel(lambda _: "Well."),
        voice,
    )
    conversation = Conversation(transport, engines, config)
    conversation.observe_with(frames.append)
    conversation.start()
    ids = iter(range(1000))

    def send(type: str, data: object) -> None:
        conversation.on_message(json.dumps({"label": "rtvi-ai", "type": type, "id": str(next(ids)), "data": data}))

    send("client-ready", {"version": "2.1.0", "about": {"library": "heard"}})
    loop = asyncio.get_running_loop()
    send("client-message", {"t": "tts:say", "d": {"text": STORY}})
    while not any(arrival.audible for arrival in transport.arrivals):  # noqa: ASYNC110 - polls, like ears
        await asyncio.sleep(0.01)
    await asyncio.sleep(after_s)
    if objection is not None:
        await transport.hear(conversation, np.concatenate([objection, np.zeros(16_000, np.int16)]))
    elif way == "typed":
        send("send-text", {"content": "Never mind.", "options": {"run_immediately": True, "audio_response": False}})
    else:
        send("client-message", {"t": way})
    until_s = loop.time() + LONGEST_S
    while not any(m["role"] == "assistant" for m in conversation.context.messages) and loop.time() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    # What answers the objection is no part of the recording.
    stopped_ms = next((frame.at_ms for frame in frames if isinstance(frame, BotStoppedSpeaking)), loop.time() * 1000)
    messages = list(conversation.context.messages)
    arrivals = [arrival for arrival in transport.arrivals if arrival.at_ms < stopped_ms + FADED_MS]
    conversation.on_closed("done")
    await conversation.ended()
    return trial(way, after_s, frames, messages, arrivals, clock)
