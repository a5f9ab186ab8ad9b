"""A stand-in for the appliance with a scripted bot: real HTTP, real WebRTC, and no models.

The page's tests need what a real conversation cannot be made to do on demand: not being ready, being full, going
away, an interim transcript that stays, a sentence half spoken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from rtvi_local.transports.protobuf import AudioFrame as PcmFrame
from rtvi_local.transports.protobuf import MessageFrame, decode, encode_audio, encode_message

PAGE = Path(__file__).parents[2] / "web" / "dist"
SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
CONTENT_SECURITY_POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'"
TIMEOUT_S = 30.0

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, timeout_s: float = TIMEOUT_S) -> T:
    """Wait for a condition that another thread brings about, and return its truthy value."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"no {what} within {timeout_s} s"
        time.sleep(0.02)
    return value


class Voice(MediaStreamTrack):
    """What the bot plays: a tone while `sounding`, else silence; paced by the clock."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.sounding = False
        self._sent = 0
        self._started: float | None = None

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        self._started = self._started or loop.time()
        await asyncio.sleep(self._started + self._sent / SAMPLE_RATE - loop.time())
        at = np.arange(self._sent, self._sent + FRAME_SAMPLES)
        tone = (8000 * np.sin(2 * np.pi * 330 * at / SAMPLE_RATE)).astype(np.int16)
        samples = tone if self.sounding else np.zeros(FRAME_SAMPLES, np.int16)
        frame = AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self._sent, Fraction(1, SAMPLE_RATE)
        self._sent += FRAME_SAMPLES
        return frame


class _SocketChannel:
    """A WebSocket that takes messages as a data channel does."""

    def __init__(self, websocket: WebSocket, tasks: set[asyncio.Task[None]]) -> None:
        self._websocket = websocket
        self._tasks = tasks

    def send(self, text: str) -> None:
        task = asyncio.ensure_future(self._websocket.send_bytes(encode_message(text)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self, code: int) -> None:
        task = asyncio.ensure_future(self._websocket.close(code))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class FakeServer:
    """Serves the built page and answers offers, in a thread of its own; the test says what happens."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self.received: list[dict[str, Any]] = []
        """RTVI and signalling messages of all clients, in order."""
        self.heard_peak = 0
        """The loudest sample from the microphone since it was last set to 0."""
        self.offers = 0
        self.sockets = 0
        self.deaf = False
        """Neither tells nor uses a candidate, as if a firewall stood between."""
        self._voice = Voice()
        self._peers: dict[str, RTCPeerConnection] = {}
        self._channel: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://localhost:{self.port}/"

    def start(self) -> None:
        app = Starlette(
            routes=[
                Route("/readyz", self._readyz),
                Route("/status", self._status),
                Route("/api/offer", self._offer, methods=["POST"]),
                Route("/api/offer", self._candidates, methods=["PATCH"]),
                WebSocketRoute("/ws-client", self._socket_client),
                Mount("/", StaticFiles(directory=PAGE, html=True)),
            ]
        )
        config = uvicorn.Config(
            with_policy(app), log_level="error", timeout_graceful_shutdown=1, lifespan="off", ws="websockets-sansio"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, "server")

    def stop(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.do(self.close_peers())
            self._server.should_exit = True
            self._thread.join(TIMEOUT_S)
        self._socket.close()
        assert not self._thread.is_alive()

    def restart(self) -> None:
        """Come back on the same port after `stop`."""
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.start()

    def send(self, type: str, data: dict[str, Any] | None = None, id: str = "") -> None:
        """Send one RTVI message to the client that connected last."""
        message = {"label": "rtvi-ai", "type": type, **({"id": id} if id else {}), **({"data": data} if data else {})}
        self._send_json(message)

    def leave(self) -> None:
        """What a server does before it ends a session."""
        self._send_json({"type": "signalling", "message": {"type": "peerLeft"}})

    def hang_up(self, code: int) -> None:
        """Close the WebSocket."""
        self._loop.call_soon_threadsafe(lambda: self._channel.close(code))

    def sound(self, on: bool) -> None:
        self._voice.sounding = on

    def messages(self, type: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message.get("type") == type]

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_S)

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    def _send_json(self, message: dict[str, Any]) -> None:
        until(lambda: self._channel, "data channel")
        self._loop.call_soon_threadsafe(lambda: self._channel.send(json.dumps(message)))

    async def close_peers(self) -> None:
        peers, self._peers, self._channel = list(self._peers.values()), {}, None
        for peer in peers:
            await peer.close()
        self._voice = Voice()

    async def _readyz(self, _request: Request) -> Response:
        ready = not self.missing
        return JSONResponse({"ready": ready, "missing": self.missing}, 200 if ready else 503)

    async def _status(self, _request: Request) -> Response:
        return JSONResponse({"status": "ready", "transports": ["webrtc", "websocket"]})

    async def _offer(self, request: Request) -> Response:
        self.offers += 1
        if self.refusal:
            status, detail = self.refusal
            return JSONResponse({"detail": detail}, status)
        offer = await request.json()
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("datachannel", self._on_channel)
        peer.on("track", self._on_track)
        sdp = _without_candidates(offer["sdp"]) if self.deaf else offer["sdp"]
        await peer.setRemoteDescription(RTCSessionDescription(sdp, offer["type"]))
        audio, *others = peer.getTransceivers()
        audio.direction = "sendrecv"
        audio.sender.replaceTrack(self._voice)
        for other in others:
            other.direction = "recvonly"
        await peer.setLocalDescription(await peer.createAnswer())
        peer_id = f"peer-{self.offers}"
        self._peers[peer_id] = peer
        answer = peer.localDescription
        sdp = _without_candidates(answer.sdp) if self.deaf else answer.sdp
        return JSONResponse({"sdp": sdp, "type": answer.type, "pc_id": peer_id})

    async def _candidates(self, request: Request) -> Response:
        body = await request.json()
        # Candidates still come while the test's end closes the peer.
        peer = self._peers.get(body["pc_id"])
        if peer is None or self.deaf:
            return JSONResponse({"status": "success"})
        for item in body["candidates"]:
            if item["candidate"]:
                candidate = candidate_from_sdp(item["candidate"].removeprefix("candidate:"))
                candidate.sdpMid, candidate.sdpMLineIndex = item["sdp_mid"], item["sdp_mline_index"]
                await peer.addIceCandidate(candidate)
        return JSONResponse({"status": "success"})

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.on("message", self._on_message)

    def _on_message(self, text: str) -> None:
        if text.startswith("ping"):
            return
        message = json.loads(text)
        self.received.append(message)
        if message["type"] == "client-ready":
            self.send("bot-ready", {"version": "2.2.0", "about": {"library": "fake"}}, id=message["id"])

    async def _socket_client(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.sockets += 1
        self._channel = _SocketChannel(websocket, self._tasks)
        playing = asyncio.create_task(self._play_on(websocket))
        try:
            while True:
                frame = decode(await websocket.receive_bytes())
                if isinstance(frame, MessageFrame):
                    self._on_message(frame.text)
                elif isinstance(frame, PcmFrame):
                    samples = np.frombuffer(frame.pcm, "<i2").astype(np.int32)
                    self.heard_peak = max(self.heard_peak, int(np.abs(samples).max()))
        except WebSocketDisconnect:
            pass
        finally:
            playing.cancel()

    async def _play_on(self, websocket: WebSocket) -> None:
        tone = (8000 * np.sin(2 * np.pi * 330 / 24_000 * np.arange(480))).astype("<i2").tobytes()
        while True:
            await asyncio.sleep(0.02)
            if self._voice.sounding:
                await websocket.send_bytes(encode_audio(tone, 24_000))

    def _on_track(self, track: MediaStreamTrack) -> None:
        async def hear() -> None:
            with contextlib.suppress(MediaStreamError):
                while True:
                    frame = await track.recv()
                    if isinstance(frame, AudioFrame):
                        self.heard_peak = max(self.heard_peak, int(np.abs(frame.to_ndarray().astype(np.int32)).max()))

        task = asyncio.ensure_future(hear())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def with_policy(app: ASGIApp) -> ASGIApp:
    """The content security policy under which the page must work."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CONTENT_SECURITY_POLICY.encode())]
            await send(message)

        await app(scope, receive, send_with_policy)

    return wrapped


def _without_candidates(sdp: str) -> str:
    return "\r\n".join(line for line in sdp.splitlines() if "candidate" not in line) + "\r\n"
