"""A caller: an RTVI client on real WebRTC that speaks recordings in real time and notes when what came back.

Its clock starts at the last audible sample of what it says, at the moment a microphone would have delivered it, and stops at
the arrival of the packet with the first audible sound of the answer. The receive buffer that a player would add is not in it,
and is not counted. Its microphone is never digitally silent, as none is: a quiet room keeps 50 packets a second coming.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusDecoder
from rtvi_local.audio.pcm import AUDIBLE_PEAK, Int16
from rtvi_local.transports.webrtc_addresses import LOOPBACK_ADDRESS, is_loopback, use_addresses
from rtvi_local.transports.webrtc_audio import OutboundAudio, PacketTrack, tap

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
FULL_S = 5.0
"""How long an appliance that is full is asked again."""
_HANG_UP_S = 2.0
"""For aiortc to tell the other side that the call is over, which may be gone."""
MOST_JITTER_MS = 60.0
"""Between two packets of uninterrupted sound, on a machine that is busy with models."""
_AUDIBLE = int(AUDIBLE_PEAK * 32768)
_ROOM = np.random.default_rng(0).integers(-30, 31, SAMPLE_RATE).astype(np.int16)
"""A second of a quiet room (-65 dB), over and over."""
_PAUSE_PACKET_BYTES = 2
"""Opus packets up to this size say that nothing is being sent (discontinuous transmission)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One audio packet: when it came, when it was due by its own count of samples, and what was in it (48 kHz mono)."""

    at_ms: float
    samples: Int16
    stamp_ms: float = 0.0
    is_pause: bool = False
    """The sender said with it that it stops sending for a while."""

    @property
    def audible(self) -> bool:
        return bool(self.samples.size) and int(np.abs(self.samples.astype(np.int32)).max()) >= _AUDIBLE


@dataclass(frozen=True, slots=True)
class Message:
    at_ms: float
    type: str
    data: Any
    id: str | None


@dataclass(slots=True)
class Said:
    """Something the caller says: the times of its first and last audible sample, once they have left."""

    samples: Int16
    speech: tuple[int, int]
    """First sample of the person's voice, and the one after its last: what is before and after is not, however loud it is."""
    first_sound_ms: float = 0.0
    last_sound_ms: float = 0.0
    captured_ms: float = 0.0
    """When the packet with the last of it was full."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class _Ear:
    """Takes every packet in the call that received it."""

    def __init__(self, arrivals: list[Arrival]) -> None:
        self._arrivals = arrivals
        self._decoder = OpusDecoder()

    def on_rtp(self, ssrc: int, sequence_number: int, timestamp: int, payload: bytes, arrived_ms: float) -> None:
        del ssrc, sequence_number
        pieces = [frame.to_ndarray().reshape(-1).astype(np.int16) for frame in self._decoder.decode(payload)]
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        stamp_ms = timestamp * 1000 / SAMPLE_RATE
        self._arrivals.append(Arrival(arrived_ms, samples, stamp_ms, len(payload) <= _PAUSE_PACKET_BYTES))


class Caller:
    """`async with Caller(url) as caller:` connects, shakes hands, and hangs up at the end."""

    def __init__(self, base_url: str, *, version: str = "2.1.0", request_data: object = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._version = version
        self._request_data = request_data
        self._loop = asyncio.get_running_loop()
        self.arrivals: list[Arrival] = []
        self.messages: list[Message] = []
        self._message_came = asyncio.Condition()
        self._queue: deque[tuple[Said, int]] = deque()
        self._out = OutboundAudio(self._loop)
        self.surroundings: Callable[[float], Int16] | None = None
        """What the microphone takes in besides: the 20 ms (48 kHz) up to that time in ms."""
        self._tasks: list[asyncio.Task[None]] = []
        self._http = httpx.AsyncClient(timeout=30)
        """One for the whole call: to make one takes as long as several packets."""
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._channel = self._pc.createDataChannel("chat", ordered=True)

    def now_ms(self) -> float:
        return self._loop.time() * 1000

    async def __aenter__(self) -> Caller:
        try:
            await self._connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _connect(self) -> None:
        track = PacketTrack()
        self._out.track = track
        self._pc.addTrack(track)
        self._pc.addTransceiver("video", direction="recvonly")
        if is_loopback(httpx.URL(self._base_url).host):
            use_addresses(self._pc, [LOOPBACK_ADDRESS])
        opened = asyncio.Event()
        self._channel.on("open", opened.set)
        self._channel.on("message", self._on_message)
        self._pc.on("track", self._on_track)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = self._pc.localDescription
        body: dict[str, object] = {"sdp": offer.sdp, "type": offer.type, "pc_id": None, "restart_pc": False}
        if self._request_data is not None:
            body["requestData"] = self._request_data
        answered = await self._offer(body)
        until = self._loop.time() + FULL_S
        while answered.status_code == httpx.codes.TOO_MANY_REQUESTS and self._loop.time() < until:
            await asyncio.sleep(0.2)  # callers before this one have hung up, and are being seen off
            answered = await self._offer(body)
        if answered.status_code != 200:
            raise ConnectionError(f"the appliance refused the call: {answered.status_code} {answered.text}")
        answer = answered.json()
        await self._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(opened.wait(), 20)
        self._tasks.append(asyncio.create_task(self._microphone()))
        about = {"library": "rtvi-local-caller"}
        self.send("client-ready", {"version": self._version, "about": about})
        await self.wait_for("bot-ready")

    async def _offer(self, body: dict[str, object]) -> httpx.Response:
        try:
            return await self._http.post(f"{self._base_url}/api/offer", json=body)
        except httpx.TransportError as error:
            raise ConnectionError(f"there is no answer from {self._base_url}: {str(error) or type(error).__name__}") from error

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # aiortc hangs up by itself too when the other side is gone. Cancelled in the middle of that, as everything is when
        # asyncio.run ends, it leaves whoever hangs up after it waiting for ever.
        try:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(self._pc.close(), _HANG_UP_S)
        finally:
            await self._http.aclose()

    # --- speaking ------------------------------------------------------------------------------------------------------

    def say(self, samples: Int16, speech: tuple[int, int] | None = None) -> Said:
        """Put 48 kHz mono on the microphone, after what is being said already. `speech` is where in it the voice is."""
        said = Said(samples, speech or (0, samples.size))
        self._queue.append((said, 0))
        return said

    async def _microphone(self) -> None:
        """A microphone delivers a frame when its last sample has been recorded; so does this one, silence between."""
        silence = np.zeros(FRAME_SAMPLES, np.int16)
        due = self._loop.time()
        for room_at in itertools.count(0, FRAME_SAMPLES):
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            frame = silence
            if self._queue:
                said, position = self._queue.popleft()
                frame = said.samples[position : position + FRAME_SAMPLES]
                self._note_sound(said, frame, position, due)
                frame = np.concatenate([frame, silence[: FRAME_SAMPLES - frame.size]])
                if position + FRAME_SAMPLES < said.samples.size:
                    self._queue.appendleft((said, position + FRAME_SAMPLES))
                else:
                    said.done.set()
            room = _ROOM[room_at % _ROOM.size :][:FRAME_SAMPLES].astype(np.int32)
            if self.surroundings is not None:
                room += self.surroundings(due * 1000)
            self._out.send(np.clip(room + frame, -32768, 32767).astype(np.int16))

    @staticmethod
    def _note_sound(said: Said, frame: Int16, position: int, due: float) -> None:
        audible = np.flatnonzero(np.abs(frame.astype(np.int32)) >= _AUDIBLE)
        voice = audible[(audible + position >= said.speech[0]) & (audible + position < said.speech[1])]
        if voice.size:
            began_s = due - FRAME_S
            said.first_sound_ms = said.first_sound_ms or (began_s + int(voice[0]) / SAMPLE_RATE) * 1000
            said.last_sound_ms = (began_s + (int(voice[-1]) + 1) / SAMPLE_RATE) * 1000
            said.captured_ms = due * 1000

    # --- messages ------------------------------------------------------------------------------------------------------

    def send(self, type: str, data: object = None) -> str:
        """Send a message; returns its id."""
        id = uuid.uuid4().hex[:8]
        envelope = {"label": "rtvi-ai", "type": type, "id": id, "data": data}
        self._channel.send(json.dumps({key: value for key, value in envelope.items() if value is not None}))
        return id

    async def wait_for(
        self, type: str, *, since: int = 0, timeout_s: float = 30, where: Callable[[Any], bool] = lambda _: True
    ) -> Message:
        """The first message of that type among `messages[since:]`, whether it is there already or comes in time."""

        def found() -> Message | None:
            return next((m for m in self.messages[since:] if m.type == type and where(m.data)), None)

        await self.wait_until(lambda: found() is not None, f"no {type}", since=since, timeout_s=timeout_s)
        message = found()
        assert message is not None
        return message

    async def wait_until(self, condition: Callable[[], bool], otherwise: str, *, since: int = 0, timeout_s: float = 30) -> None:
        """Wait until the messages make `condition` true; raises TimeoutError, beginning with `otherwise`."""
        try:
            async with self._message_came:
                await asyncio.wait_for(self._message_came.wait_for(condition), timeout_s)
        except (TimeoutError, asyncio.TimeoutError):
            seen = [message.type for message in self.messages[since:]]
            raise TimeoutError(f"{otherwise} within {timeout_s} s; what came: {seen}") from None

    def _on_message(self, text: str | bytes) -> None:
        envelope = json.loads(text)
        if envelope.get("label") != "rtvi-ai":
            return
        self.messages.append(Message(self.now_ms(), envelope["type"], envelope.get("data"), envelope.get("id")))
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._notify()))

    async def _notify(self) -> None:
        async with self._message_came:
            self._message_came.notify_all()

    # --- hearing -------------------------------------------------------------------------------------------------------

    def _on_track(self, track: MediaStreamTrack) -> None:
        for transceiver in self._pc.getTransceivers():
            if track.kind == "audio" and transceiver.receiver.track is track:
                tap(transceiver.receiver, _Ear(self.arrivals), self.now_ms)

    def first_sound_after(self, at_ms: float) -> float | None:
        """When the first packet with something audible came after `at_ms`."""
        return next((arrival.at_ms for arrival in self.arrivals if arrival.at_ms >= at_ms and arrival.audible), None)

    def last_sound_before(self, at_ms: float) -> float | None:
        return next((a.at_ms for a in reversed(self.arrivals) if a.at_ms < at_ms and a.audible), None)

    async def sound_after(self, at_ms: float, timeout_s: float) -> float | None:
        """Wait for the first audible packet after `at_ms`; None if none came in time."""
        until = self._loop.time() + timeout_s
        while (came_ms := self.first_sound_after(at_ms)) is None and self._loop.time() < until:  # noqa: ASYNC110 - polls, like ears
            await asyncio.sleep(FRAME_S)
        return came_ms

    async def quiet_for(self, quiet_ms: float, timeout_s: float = 60) -> None:
        """Wait until nothing has been audible for so long. Raises TimeoutError."""
        until = self._loop.time() + timeout_s
        while (sounded_ms := self.last_sound_before(self.now_ms() + 1)) is not None and self.now_ms() - sounded_ms < quiet_ms:
            if self._loop.time() > until:
                raise TimeoutError(f"the bot was not quiet for {quiet_ms:.0f} ms within {timeout_s:.0f} s")
            await asyncio.sleep(FRAME_S)

    async def end_heard_ms(self) -> float | None:
        """When the appliance heard the end of what it answered last, as its /metrics has it; None where it says nothing of it,
        or runs on another machine, whose clock is another."""
        if not is_loopback(httpx.URL(self._base_url).host):
            return None
        try:
            told = (await self._http.get(f"{self._base_url}/metrics")).text
        except httpx.HTTPError:
            return None
        began = re.search(r"^rtvi_turn_began_seconds (\S+)$", told, re.MULTILINE)
        return float(began[1]) * 1000 if began else None

    def heard_between(self, from_ms: float, to_ms: float) -> Int16:
        """What arrived in that time, 48 kHz mono, in order of arrival, and silence where nothing was sent."""
        pieces: list[Int16] = []
        previous_ms: float | None = None
        for arrival in self.arrivals:
            if not from_ms <= arrival.at_ms < to_ms:
                continue
            # In lasting silence a packet comes only now and then: without what lies between, words would run together.
            missing_ms = 0.0 if previous_ms is None else arrival.at_ms - previous_ms - MOST_JITTER_MS
            if missing_ms > 0:
                pieces.append(np.zeros(int(missing_ms * SAMPLE_RATE / 1000), np.int16))
            pieces.append(arrival.samples)
            previous_ms = arrival.at_ms
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
