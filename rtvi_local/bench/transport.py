"""What the transport alone costs: `python -m rtvi_local.bench.transport` prints the echo delay and the idle processor time.

A server in a process of its own echoes; a client in this one sends a click every 0.6 s. The clock starts when the click's frame
is given to the client's encoder and stops when the packet with its echo arrives back; what is heard is echoed at once, so no
pacing is in the way, and the client's own jitter buffer does not count. `--plain` measures a server that uses aiortc as it
comes, for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import uvicorn
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaBlackhole
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.server_process import free_port
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, Server
from rtvi_local.pipeline.frames import Frame
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.app import create_app
from rtvi_local.server.metrics import Metrics
from rtvi_local.transports.interface import Transport

_FRAME_S = 0.02
_SILENCE = np.zeros(960, np.int16)
_CLICK = (12_000 * np.sin(np.arange(960) * 2 * np.pi * 1000 / 48_000)).astype(np.int16)
_ROOM = np.random.default_rng(0).integers(-30, 31, 960).astype(np.int16)
"""A quiet room's noise, so that the client sends 50 packets a second, as browsers do."""
_LOUD = 2_000


@dataclass
class Echo:
    """Sends back what it hears; with `echo` off, silence, as a conversation does that is waiting."""

    transport: Transport
    appliance: EchoAppliance
    echo: bool
    ticking: asyncio.Task[None] | None = None
    is_asleep = False

    def __post_init__(self) -> None:
        if not self.echo:
            self.ticking = asyncio.create_task(self._tick())

    def on_audio(self, samples: Int16, at_ms: float) -> None:
        if self.echo:
            raised = np.repeat(samples, 3)
            self.transport.send_audio(np.pad(raised, (0, max(0, 960 - len(raised))))[:960])

    def on_message(self, text: str) -> None: ...

    def on_closed(self, reason: str) -> None:
        self.appliance.conversations -= 1
        if self.ticking is not None:
            self.ticking.cancel()

    def observe_with(self, observer: Callable[[Frame], None]) -> None: ...

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.transport.send_audio(_SILENCE)
            due_s += _FRAME_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))


@dataclass
class EchoAppliance:
    """An appliance without models."""

    conversations: int = 0
    files: FileRules = field(default_factory=FileRules)
    listeners: list[Echo] = field(default_factory=list)

    def is_idle(self) -> bool:
        return False

    def is_answering(self) -> bool:
        return False

    def ready(self) -> Sequence[str]:
        return ()

    def check(self, request_data: dict[str, Any]) -> None:
        """Anything will do."""

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Echo:
        self.conversations += 1
        return Echo(transport, self, echo=request_data.get("echo") is True)


def _serve(port: int) -> None:
    app = create_app(Config(server=Server(port=port)), EchoAppliance())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def serve_plain(port: int) -> None:
    """What aiortc does by itself: the track that came in goes out."""
    connections: set[RTCPeerConnection] = set()

    async def offer(request: Request) -> Response:
        body = await request.json()
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        connections.add(pc)
        echo = (body.get("requestData") or {}).get("echo") is True

        def answer(track: MediaStreamTrack) -> None:
            if track.kind == "audio":
                pc.addTrack(track if echo else AudioStreamTrack())
            else:
                sink.addTrack(track)

        sink = MediaBlackhole()
        pc.on("track", answer)
        await pc.setRemoteDescription(RTCSessionDescription(sdp=body["sdp"], type="offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        await sink.start()
        return JSONResponse({"sdp": pc.localDescription.sdp, "type": "answer", "pc_id": str(len(connections))})

    async def exposition(request: Request) -> Response:
        return Response(metrics.exposition())

    async def livez(request: Request) -> Response:
        return Response()

    metrics = Metrics()
    routes = [Route("/api/offer", offer, methods=["POST"]), Route("/metrics", exposition), Route("/livez", livez)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="warning", access_log=False)


class Bench:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def request(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._http.request(method, "/api/offer", json=body)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    async def echo_delays_ms(self, clicks: int) -> list[float]:
        """Milliseconds from each click's frame to the arrival of its echo."""
        arrivals: list[float] = []

        def hear(samples: Int16, at_ms: float) -> None:
            if np.abs(samples.astype(np.int32)).max() > _LOUD and (not arrivals or at_ms - arrivals[-1] > 200):
                arrivals.append(at_ms)

        client = WebRtcClient(self.request, on_audio=hear)
        await client.connect(data={"echo": True})
        loop = asyncio.get_running_loop()
        sent: list[float] = []
        due_s = loop.time()
        for frame in range(50 + clicks * 30):
            click = frame >= 50 and frame % 30 == 20
            if click:
                sent.append(loop.time() * 1000)
            client.send_audio(_CLICK if click else _SILENCE)
            due_s += _FRAME_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))
        await client.close()
        return [min(a - s for a in arrivals if a > s) for s in sent if any(a > s for a in arrivals)]

    async def idle_cpu_percent(self, connections: int, seconds: float) -> float:
        """Processor time of the server while clients send a quiet room's noise and are sent silence, as percent of one core."""
        clients = [WebRtcClient(self.request) for _ in range(connections)]
        for client in clients:
            await client.connect()
        percent = await self.cpu_percent(clients, seconds)
        for client in clients:
            await client.close()
        return percent

    async def cpu_percent(self, clients: Sequence[WebRtcClient], seconds: float) -> float:
        """The same with clients that are connected already."""
        stop = asyncio.Event()
        feed = asyncio.create_task(self._feed(clients, stop))
        await asyncio.sleep(1.0)
        before_cpu, before = await self._cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        used, passed = await self._cpu_s() - before_cpu, time.monotonic() - before
        stop.set()
        await feed
        return 100 * used / passed

    async def _feed(self, clients: Sequence[WebRtcClient], stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not stop.is_set():
            for client in clients:
                client.send_audio(_ROOM)
            due_s += _FRAME_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    async def _cpu_s(self) -> float:
        text = (await self._http.get("/metrics")).text
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith("process_cpu_seconds ")))

    async def wait_until_up(self) -> None:
        for _ in range(200):
            try:
                await self._http.get("/livez")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
        raise RuntimeError("the server did not start")


async def measure(port: int, *, clicks: int, seconds: float, connections: Sequence[int]) -> list[str]:
    """Lines of the result."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        bench = Bench(http)
        await bench.wait_until_up()
        delays = sorted(await bench.echo_delays_ms(clicks))
        median, p90 = statistics.median(delays), delays[int(0.9 * (len(delays) - 1))]
        lines = [f"echo delay        median {median:5.1f} ms   p90 {p90:5.1f} ms   ({len(delays)} of {clicks} clicks)"]
        for count in connections:
            percent = await bench.idle_cpu_percent(count, seconds)
            lines.append(f"idle, {count} connected  {percent:5.1f} % of one core   {percent / count:4.1f} % each")
        return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each idle measurement lasts")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 4, 8])
    parser.add_argument("--plain", action="store_true", help="measure plain aiortc instead")
    arguments = parser.parse_args()
    port = free_port()
    serve = serve_plain if arguments.plain else _serve
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    server.start()
    try:
        lines = asyncio.run(
            measure(port, clicks=arguments.clicks, seconds=arguments.seconds, connections=arguments.connections)
        )
    finally:
        server.terminate()
        server.join()
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
