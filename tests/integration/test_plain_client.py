"""A client that is made of nothing but aiortc's own parts is heard by the real appliance, and hears it."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.bench.words import normalised_words, word_errors
from tests.integration import still_voice
from tests.integration.conversing import instruments
from tests.until import until

pytestmark = pytest.mark.models

RATE = 48_000
FRAME_SAMPLES = 960
QUESTIONS = {"What is the capital of Italy?": "rome", "What is the capital of Poland?": "warsaw"}
"""What is in the answers, whose sentences Whisper seldom hears otherwise ("There are" is "they're" to it, and "France is"
"Francis")."""


class Microphone(MediaStreamTrack):
    """Delivers what is put into `speech`, and silence before and after, as the clock goes."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.speech = np.zeros(0, np.int16)
        self._sent = 0
        self._began_s: float | None = None

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._began_s = self._began_s or loop.time()
        await asyncio.sleep(self._began_s + self._sent / RATE - loop.time())
        samples, self.speech = self.speech[:FRAME_SAMPLES], self.speech[FRAME_SAMPLES:]
        samples = np.pad(samples, (0, FRAME_SAMPLES - samples.size))
        frame = AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME_SAMPLES
        return frame


async def hear(track: Any, heard: list[np.ndarray[tuple[int], np.dtype[np.int16]]]) -> None:
    """Keeps the left of the two channels that aiortc decodes to."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert (frame.sample_rate, frame.layout.name) == (RATE, "stereo")
        heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0])


async def connect(pc: RTCPeerConnection, url: str) -> None:
    await pc.setLocalDescription(await pc.createOffer())
    offer = {"sdp": pc.localDescription.sdp, "type": pc.localDescription.type}
    async with httpx.AsyncClient() as http:
        answer = (await http.post(f"{url}/api/offer", json=offer, timeout=30)).raise_for_status().json()
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))


def test_it_is_heard_and_hears(still_models: Path) -> None:
    async def story(url: str) -> None:
        pc, microphone = RTCPeerConnection(), Microphone()
        heard: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
        messages: list[dict[str, Any]] = []
        listening: list[asyncio.Task[None]] = []
        pc.addTrack(microphone)
        pc.on("track", lambda track: listening.append(asyncio.create_task(hear(track, heard))))
        channel = pc.createDataChannel("chat")
        channel.on("message", lambda text: messages.append(json.loads(text)))

        def data_of(type: str) -> list[Any]:
            return [message.get("data") for message in messages if message["type"] == type]

        with instruments(still_models, still_voice.NAME) as ours:
            speech = [await ours.clear_speech(question) for question in QUESTIONS]
            try:
                await connect(pc, url)
                await until(lambda: channel.readyState == "open")
                ready = {"version": "2.1.0", "about": {"library": "none"}}
                channel.send(json.dumps({"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": ready}))
                await until(lambda: data_of("bot-ready"))
                for turn, samples in enumerate(speech, 1):
                    microphone.speech = samples
                    await until(lambda turn=turn: len(data_of("bot-stopped-speaking")) == turn, 60)  # type: ignore[misc]
                await asyncio.sleep(0.5)  # the last of it may still be in aiortc's jitter buffer
            finally:
                await pc.close()
                await asyncio.gather(*listening)
            transcripts = [data["text"] for data in data_of("user-transcription") if data["final"]]
            assert normalised_words(" ".join(transcripts)) == normalised_words(" ".join(QUESTIONS))
            spoken = [data["text"] for data in data_of("bot-output") if data["spoken_status"] == "completed"]
            told = normalised_words(" ".join(spoken))
            audible = normalised_words(await ours.understand(np.concatenate(heard)))
            assert set(QUESTIONS.values()) < set(told)
            assert word_errors(told, audible) <= 0.15 * len(told), f"told {told}, heard {audible}"

    # What is looked at is the way there and back, not the luck of an answer.
    with ServerProcess(environment=still_voice.environment(still_models)) as server:
        asyncio.run(asyncio.wait_for(story(server.url), 120))
