"""A WebRTC client in Python, for measurements and tests: what a browser does, without its jitter buffer.

What it hears is stamped when the packet arrives, before any receive delay of the client's own, so that measurements of the
server do not count the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.webrtc_addresses import LOOPBACK_ADDRESS, use_addresses
from rtvi_local.transports.webrtc_audio import InboundAudio, OutboundAudio, PacketTrack, tap

Request = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""(method, body) -> the JSON of the answer; raises what it likes if there is none."""


class WebRtcClient:
    """One client. `on_audio` gets 16 kHz mono and the arrival time in ms, `on_message` the text of each message; `video` are
    the tracks of its camera and its screen."""

    def __init__(
        self,
        request: Request,
        *,
        on_audio: Callable[[Int16, float], None] = lambda samples, at_ms: None,
        on_message: Callable[[str], None] = lambda text: None,
        addresses: Sequence[str] = (LOOPBACK_ADDRESS,),
        video: Sequence[MediaStreamTrack] = (),
        channel_label: str | None = "chat",
    ) -> None:
        self._request = request
        self._on_audio = on_audio
        self._on_message = on_message
        self._addresses = addresses
        self._video = video
        self._channel_label = channel_label
        self.pc_id: str | None = None
        self.pc: RTCPeerConnection | None = None
        self.channel: RTCDataChannel | None = None
        self.connected = asyncio.Event()
        self.channel_open = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.inbound = InboundAudio(self._on_audio, loop)
        self._outbound = OutboundAudio(loop)

    async def connect(self, *, restart: bool = False, data: dict[str, Any] | None = None, timeout_s: float = 30.0) -> None:
        """Offer, be answered, and wait until sound can flow (and messages, if there is a channel)."""
        old = self.pc
        self.connected.clear()
        self.channel_open.clear()
        self.pc = pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        loop, track = asyncio.get_running_loop(), PacketTrack()
        audio = pc.addTransceiver(track, direction="sendrecv")
        tap(audio.receiver, self.inbound, lambda: loop.time() * 1000)
        self._outbound.track = track
        for section, shown in enumerate(self._video):
            pc.addTransceiver(shown, direction="sendrecv" if section == 0 else "sendonly")
        if self._channel_label is not None:
            self.channel = pc.createDataChannel(self._channel_label)
            self.channel.on("open", self.channel_open.set)
            self.channel.on("message", lambda data: self._on_message(data if isinstance(data, str) else data.decode()))
        else:
            self.channel_open.set()
        use_addresses(pc, self._addresses)
        pc.on("connectionstatechange", lambda: self._follow(pc))
        await pc.setLocalDescription(await pc.createOffer())
        await self._negotiate(restart=restart, data=data)
        await asyncio.wait_for(self.connected.wait(), timeout_s)
        await asyncio.wait_for(self.channel_open.wait(), timeout_s)
        if old is not None:
            await old.close()

    async def renegotiate(self) -> None:
        """Offer again on the same connection."""
        assert self.pc is not None
        await self.pc.setLocalDescription(await self.pc.createOffer())
        await self._negotiate(restart=False, data=None)

    def send_audio(self, samples: Int16) -> None:
        """20 ms of 48 kHz mono."""
        self._outbound.send(samples)

    def send(self, data: str | bytes) -> None:
        assert self.channel is not None
        self.channel.send(data)

    async def close(self) -> None:
        self.inbound.close()
        if self.pc is not None:
            await self.pc.close()

    def _follow(self, pc: RTCPeerConnection) -> None:
        if pc is self.pc and pc.connectionState == "connected":
            self.connected.set()

    async def _negotiate(self, *, restart: bool, data: dict[str, Any] | None) -> None:
        assert self.pc is not None
        body: dict[str, Any] = {
            "sdp": self.pc.localDescription.sdp,
            "type": "offer",
            "pc_id": self.pc_id,
            "restart_pc": restart,
        }
        if data is not None:
            body["requestData"] = data
        answer = await self._request("POST", body)
        self.pc_id = answer["pc_id"]
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type=answer["type"]))
