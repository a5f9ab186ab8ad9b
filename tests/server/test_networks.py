"""The settings for networks that need more than a LAN: ports, an address before a port forwarding, STUN and TURN."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from rtvi_local import virtual_clock
from rtvi_local.bench.server_process import free_port
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, WebRtc
from rtvi_local.transports.ice_servers import ice_servers
from rtvi_local.transports.webrtc_addresses import _ice_connections, host_addresses
from rtvi_local.transports.webrtc_audio import InboundAudio
from rtvi_local.transports.webrtc_gathering import STUN_S, server_reflexive
from rtvi_local.transports.webrtc_peer import Peer, PeerOptions
from tests.server.test_offer import Served, run, served
from tests.until import until

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


class Stun(asyncio.DatagramProtocol):
    """A server that sees everybody as 203.0.113.9 (RFC 5389 §15.2: port and address XORed with the magic cookie)."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.asked: list[tuple[str, int]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked.append(addr)
        cookie = data[4:8]
        address = bytes(a ^ b for a, b in zip(bytes([203, 0, 113, 9]), cookie, strict=True))
        port = bytes(a ^ b for a, b in zip(addr[1].to_bytes(2, "big"), cookie, strict=False))
        attribute = b"\x00\x20\x00\x08\x00\x01" + port + address
        self.transport.sendto(b"\x01\x01" + len(attribute).to_bytes(2, "big") + data[4:20] + attribute, addr)


def test_a_stun_server_tells_the_address_that_others_see_and_is_asked_only_where_one_is_set() -> None:
    async def scenario() -> None:
        transport, stun = await asyncio.get_running_loop().create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        async with served() as server:
            client = server.client()
            await client.connect()
            assert {kind for _, _, kind in answered(client)} == {"host"}
            assert stun.asked == []
        async with served(Config(webrtc=WebRtc(ice_servers=(f"stun:127.0.0.1:{port}",)))) as server:
            client = server.client()
            await client.connect()
            hosts = {at for _, at, kind in answered(client) if kind == "host"}
            seen = {(address, at) for address, at, kind in answered(client) if kind == "srflx"}
            assert seen == {("203.0.113.9", asked) for _, asked in stun.asked}
            assert {at for _, at in seen} <= hosts
            assert seen
        transport.close()

    run(scenario)


class SilentStun(Stun):
    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked.append(addr)


def test_a_stun_server_that_never_answers_is_asked_twice_and_then_done_without() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        transport, stun = await loop.create_datagram_endpoint(SilentStun, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        async with served(Config(webrtc=WebRtc(ice_servers=(f"stun:127.0.0.1:{port}",)))) as server:
            client = server.client()
            began_s = loop.time()
            await client.connect()
            assert loop.time() - began_s < 4
            assert {kind for _, _, kind in answered(client)} == {"host"}
            assert {stun.asked.count(one) for one in stun.asked} == {2}
        transport.close()

    run(scenario)


def test_a_turn_server_that_never_answers_is_done_without() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        transport, turn = await loop.create_datagram_endpoint(SilentStun, local_addr=("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
        async with served(Config(webrtc=WebRtc(ice_servers=(url,), turn_username="me", turn_credential="secret"))) as server:
            client = server.client()
            began_s = loop.time()
            await client.connect()
            assert loop.time() - began_s < 4
            assert {kind for _, _, kind in answered(client)} == {"host"}
            assert turn.asked
        transport.close()

    run(scenario)


def test_a_stun_servers_name_that_nobody_looks_up_is_not_waited_for_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", lambda *_args, **_more: asyncio.sleep(60))
        assert await server_reflexive([], ("stun.example.com", 3478)) == []
        return loop.time()

    assert virtual_clock.run(scenario()) == pytest.approx(STUN_S)


def test_a_turn_server_gets_its_credentials_from_the_server_too() -> None:
    async def scenario() -> None:
        webrtc = WebRtc(ice_servers=("turn:192.0.2.1:3479",), turn_username="me", turn_credential="secret")
        peer = Peer(
            PeerOptions(ice_servers=ice_servers(webrtc)),
            InboundAudio(lambda samples, at_ms: None, asyncio.get_running_loop()),
            {},
            on_state=lambda peer, state: None,
            on_channel=lambda channel: None,
            on_datagram=lambda: None,
        )
        (connection,) = _ice_connections(peer._pc)
        assert connection.turn_server == ("192.0.2.1", 3479)
        assert (connection.turn_username, connection.turn_password) == ("me", "secret")
        await peer.close()

    run(scenario)
