"""What a client's camera costs: `python -m rtvi_local.bench.camera` prints processor time, and how long a look takes.

A server in a process of its own, without models; a client in this one sends quiet sound, first alone, then beside a moving
picture of 640 by 480 at 30 frames a second, which nobody looks at, then one that is looked at once a second. `--plain` does the
first two with a server that uses aiortc as it comes, which decodes every frame.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
import uvicorn
from aiortc.mediastreams import MediaStreamTrack

from rtvi_local.bench import transport
from rtvi_local.bench.server_process import free_port
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, Server
from rtvi_local.server.app import create_app
from rtvi_local.transports.interface import Transport

WIDTH, HEIGHT, FRAMES_PER_S = 640, 480, 30


CASES = (("sound alone", False, False), ("and a camera", True, False), ("looked at once a second", True, True))
"""Name, whether there is a camera, and whether somebody looks."""


class MovingPicture(MediaStreamTrack):
    """A soft pattern that drifts, so that there is something to encode."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        x, y = np.meshgrid(np.arange(2 * WIDTH), np.arange(HEIGHT))
        waves = [np.sin(x * a) + np.cos(y * b) for a, b in ((0.02, 0.03), (0.05, 0.013), (0.011, 0.07))]
        self._pattern = (np.stack(waves, axis=2) * 60 + 128).astype(np.uint8)
        self._sent = 0
        self._start_s = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(max(0.0, self._start_s + self._sent / FRAMES_PER_S - time.monotonic()))
        at = self._sent * 4 % WIDTH
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(self._pattern[:, at : at + WIDTH]), format="rgb24")
        frame.pts, frame.time_base = self._sent * 90_000 // FRAMES_PER_S, Fraction(1, 90_000)
        self._sent += 1
        return frame


class _Looking(transport.Echo):
    """Looks when it is told to, and says how long it took."""

    def on_message(self, text: str) -> None:
        self.look = asyncio.create_task(self._look())

    async def _look(self) -> None:
        began_s = time.monotonic()
        picture = await self.transport.look("camera")
        took_ms = (time.monotonic() - began_s) * 1000
        self.transport.send_message(json.dumps({"ms": took_ms, "width": picture.width, "height": picture.height}))


class _Appliance(transport.EchoAppliance):
    def check(self, request_data: dict[str, Any]) -> None:
        """Anything will do."""

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> _Looking:
        self.conversations += 1
        return _Looking(transport, self, echo=False)


def _serve(port: int) -> None:
    app = create_app(Config(server=Server(port=port)), _Appliance())
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


async def measure(port: int, seconds: float, *, looks: bool) -> list[str]:
    """Lines of the result."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        bench = transport.Bench(http)
        await bench.wait_until_up()
        answers: list[dict[str, float]] = []
        lines = []
        for name, video, look in (
            ("sound alone", False, False),
            ("and a camera", True, False),
            ("looked at once a second", True, True),
        ):
            if look and not looks:
                continue
            client = WebRtcClient(
                bench.request,
                on_message=lambda text: answers.append(json.loads(text)),
                video=[MovingPicture()] if video else [],
            )
            await client.connect()
            looking = asyncio.create_task(_look_again_and_again(client)) if look else None
            percent = await bench.cpu_percent([client], seconds)
            if looking is not None:
                looking.cancel()
            await client.close()
            lines.append(f"{name:<24} {percent:5.1f} % of one core")
        if answers:
            took = sorted(answer["ms"] for answer in answers)
            size = f"{answers[-1]['width']:.0f} × {answers[-1]['height']:.0f}"
            lines.append(
                f"a look: median {statistics.median(took):.0f} ms, longest {took[-1]:.0f} ms, {size} ({len(took)} looks)"
            )
        return lines


async def _look_again_and_again(client: WebRtcClient) -> None:
    while True:
        await asyncio.sleep(1.0)
        client.send("look")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each measurement lasts")
    parser.add_argument("--plain", action="store_true", help="measure plain aiortc instead")
    arguments = parser.parse_args()
    port = free_port()
    serve = transport.serve_plain if arguments.plain else _serve
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    server.start()
    try:
        lines = asyncio.run(measure(port, arguments.seconds, looks=not arguments.plain))
    finally:
        server.terminate()
        server.join()
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
