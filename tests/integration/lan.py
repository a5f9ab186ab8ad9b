"""A server with --lan and real clients of it, on an address that is not this machine's loopback. `test_lan` runs it in a
network namespace of its own, where that address exists."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import websockets

from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, Server
from rtvi_local.server.lan import prepare_lan
from rtvi_local.server.run import _bound, _serve
from rtvi_local.transports.webrtc_addresses import is_loopback
from tests.server.appliance import FakeAppliance

ADDRESS = "192.168.77.1"
PAGE = {"Accept": "text/html"}


@dataclass
class Served(FakeAppliance):
    """What `serve` asks of an appliance besides conversations."""

    summary: str = "nothing runs anywhere"

    async def load(self) -> None: ...

    async def close(self) -> None: ...


async def talk(http: httpx.AsyncClient, appliance: FakeAppliance) -> dict[str, Any]:
    """WebRTC with nothing but the network's address on both ends."""

    async def offer(method: str, body: dict[str, Any]) -> dict[str, Any]:
        answered = await http.request(method, "/api/offer", json=body)
        answered.raise_for_status()
        answer: dict[str, Any] = answered.json()
        return answer

    echoed: list[str] = []
    client = WebRtcClient(offer, on_message=echoed.append, addresses=(ADDRESS,))
    await client.connect()
    assert client.pc is not None
    candidates = [line.split()[4] for line in client.pc.remoteDescription.sdp.splitlines() if line.startswith("a=candidate")]
    client.send("hello")
    for _ in range(500):
        client.send_audio(np.full(960, 1000, np.int16))
        await asyncio.sleep(0.02)
        if echoed and appliance.opened[-1].samples:
            break
    await client.close()
    return {
        "echoed": echoed,
        "heard": appliance.opened[-1].samples > 0,
        "offers_loopback": any(is_loopback(candidate) for candidate in candidates),
    }


async def open_socket(url: str, context: ssl.SSLContext, **headers: str) -> bool:
    try:
        async with websockets.connect(url, ssl=context, additional_headers=headers):
            return True
    except websockets.InvalidStatus:
        return False


async def uploads(base: str, context: ssl.SSLContext, token: str) -> list[int]:
    """What a file is answered: a stranger's, those of programs, and one of a session that was started."""
    bearer = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base, verify=context, trust_env=False) as http:
        started = (await http.post("/start", json={"transport": "webrtc"}, headers=bearer)).json()
        session = f"/sessions/{started['sessionId']}/files"
        tries: list[tuple[str, dict[str, str]]] = [
            ("/files", {}),
            (session, {}),
            ("/files", bearer),
            (f"/files?token={token}", {}),
            (session, bearer),
            (f"{session}?token={token}", {}),
        ]
        return [(await http.post(path, files={"file": b"words"}, headers=headers)).status_code for path, headers in tries]


async def answering(http: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            await http.get("/livez", headers={"Authorization": "Bearer nobody's"})
            return
        except httpx.ConnectError:
            await asyncio.sleep(0.05)


async def visit(folder: Path) -> dict[str, Any]:
    signal.signal(signal.SIGINT, lambda *_: None)  # to which the server comes back after it stopped in good order
    config = Config(server=Server(host="0.0.0.0", port=0, lan=True))
    lan, appliance = prepare_lan("0.0.0.0", folder), Served()
    with _bound("0.0.0.0", 0) as listening:
        serving = asyncio.create_task(_serve(config, appliance, listening, lan))  # type: ignore[arg-type]
        port = listening.getsockname()[1]
        base = f"https://{ADDRESS}:{port}"
        context = ssl.create_default_context(cafile=str(lan.certificate.certificate))
        try:
            async with httpx.AsyncClient(base_url=base, verify=context, trust_env=False) as http:
                await answering(http)
                stranger = [(await http.get(path)).status_code for path in ("/", "/livez", "/api/offer", "/page.js")]
                welcome = await http.get(lan.url(port).removeprefix(base), headers=PAGE)
                page = await http.get("/", headers=PAGE)
                cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
                socket = base.replace("https", "wss")
                return {
                    "printed": lan.url(port).startswith(base),
                    "stranger": stranger,
                    "welcome": [welcome.status_code, welcome.headers.get("location")],
                    "page": [page.status_code, "<title>" in page.text],
                    "foreign_name": (await http.get("/", headers={"Host": "evil.example"})).status_code,
                    "sockets": [
                        await open_socket(f"{socket}/ws-client", context),
                        await open_socket(f"{socket}/ws-client/{lan.token}", context),
                        await open_socket(f"{socket}/ws-client", context, Cookie=cookie),
                    ],
                    "uploads": await uploads(base, context, lan.token),
                    "conversation": await talk(http, appliance),
                }
        finally:
            signal.raise_signal(signal.SIGINT)
            await serving


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(asyncio.run(visit(Path(sys.argv[1])))) + "\n")
