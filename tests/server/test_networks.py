"""The settings for networks that need more than a LAN: a range of ports, and an address before a port forwarding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rtvi_local.bench.server_process import free_port
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, WebRtc
from rtvi_local.transports.webrtc_addresses import host_addresses
from tests.server.test_offer import Served, run, served, until

FORWARDED = "127.0.0.2"


def candidates(sdp: str) -> Iterator[tuple[str, int, str]]:
    """Address, port and type of each."""
    for line in sdp.splitlines():
        if line.startswith("a=candidate"):
            words = line.split()
            yield words[4], int(words[5]), words[7]


def answered(client: WebRtcClient) -> list[tuple[str, int, str]]:
    assert client.pc is not None
    return list(candidates(client.pc.remoteDescription.sdp))


async def port_of_a_conversation(server: Served) -> int:
    """Begin one and hear an echo; the one port that all candidates name."""
    heard: list[str] = []
    client = server.client(on_message=heard.append)
    await client.connect()
    client.send("hello")
    await until(lambda: heard == ["hello"])
    (port,) = {port for _, port, _ in answered(client)}
    return port


def test_every_candidate_is_in_the_range_of_ports_and_sound_goes_through() -> None:
    async def scenario() -> None:
        first = free_port()
        async with served(Config(webrtc=WebRtc(udp_ports=f"{first}-{first + 3}"))) as server:
            ports = {await port_of_a_conversation(server), await port_of_a_conversation(server)}
            assert len(ports) == 2
            assert ports <= set(range(first, first + 4))

    run(scenario)


def test_without_a_free_port_the_offer_is_refused_and_who_talks_goes_on_talking() -> None:
    async def scenario() -> None:
        port = free_port()
        async with served(Config(webrtc=WebRtc(udp_ports=str(port)))) as server:
            heard: list[str] = []
            client = server.client(on_message=heard.append)
            await client.connect()
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await server.client().connect()
            assert refused.value.response.status_code == 429
            assert "webrtc.udp_ports" in refused.value.response.json()["detail"]
            assert refused.value.response.headers["retry-after"]
            client.send("hello")
            await until(lambda: heard == ["hello"])
            with pytest.raises(httpx.HTTPStatusError):
                await client.connect(restart=True)
            assert server.appliance.conversations == 1, "who could not come back may try again"

            await server.sessions.transports[0].close("the bot leaves")
            assert await port_of_a_conversation(server) == port

    run(scenario)


class Forwarding(asyncio.DatagramProtocol):
    """What a router does that forwards a port to a machine: here for one client."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.other: Forwarding | None = None
        self.peer: Any = None
        """Where what the other side gets is to be sent."""
        self.forwarded = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert self.other is not None
        self.peer = addr
        self.forwarded += 1
        self.other.transport.sendto(data, self.other.peer)


async def forward(outside: tuple[str, int], inside: tuple[str, int]) -> tuple[Forwarding, Forwarding]:
    loop = asyncio.get_running_loop()
    _, before = await loop.create_datagram_endpoint(Forwarding, local_addr=outside)
    _, behind = await loop.create_datagram_endpoint(Forwarding, local_addr=(inside[0], 0))
    before.other, behind.other, behind.peer = behind, before, inside
    return before, behind


OWN = [address for address in host_addresses(loopback=False) if ":" not in address]


@pytest.mark.skipif(not OWN, reason="this machine has no address but loopback")
def test_behind_a_port_forwarding_clients_are_told_the_address_before_it_and_connect_through_it() -> None:
    async def scenario() -> None:
        port = free_port()
        webrtc = WebRtc(udp_ports=str(port), announced_address=FORWARDED)
        before, behind = await forward((FORWARDED, port), (OWN[0], port))
        async with served(Config(webrtc=webrtc)) as server:
            heard: list[str] = []
            client = server.client(on_message=heard.append)

            async def request(method: str, body: dict[str, Any]) -> dict[str, Any]:
                # From outside neither side knows another way to the other.
                body["sdp"] = without_candidates(body["sdp"])
                answer: dict[str, Any] = (await server.http.request(method, "/api/offer", json=body)).json()
                assert set(candidates(answer["sdp"])) == {(FORWARDED, port, "host"), ("127.0.0.1", port, "host")}
                answer["sdp"] = without_candidates(answer["sdp"], but=f" {FORWARDED} ")
                return answer

            client._request = request
            await client.connect()
            client.send("hello")
            await until(lambda: heard == ["hello"])
            assert min(before.forwarded, behind.forwarded) > 2
        before.transport.close()
        behind.transport.close()

    run(scenario)


def without_candidates(sdp: str, *, but: str = "\0") -> str:
    lines = [line for line in sdp.splitlines() if "candidate" not in line or but in line]
    return "\r\n".join(lines) + "\r\n"
