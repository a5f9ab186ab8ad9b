from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection

from rtvi_local.transports import webrtc_addresses
from rtvi_local.transports.webrtc_addresses import OwnAddresses, host_addresses, is_loopback, use_addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST.", "app.localhost"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.0.2.1", "0.0.0.0", "127.0.0.1.example.com", "localhost.example.com", "notlocalhost"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)


def test_the_loopback_address_is_offered_where_asked_for() -> None:
    assert host_addresses(loopback=True)[-1] == "127.0.0.1"
    assert "127.0.0.1" not in host_addresses(loopback=False)


def test_own_addresses_follow_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    current = ["192.0.2.5"]
    monkeypatch.setattr(webrtc_addresses, "get_host_addresses", lambda use_ipv4, use_ipv6: list(current))
    own = OwnAddresses(clock=lambda: now[0])
    assert "192.0.2.5" in own
    assert "127.0.0.1" in own
    assert "192.0.2.6" not in own
    current[:] = ["192.0.2.6"]
    assert "192.0.2.6" not in own, "asked the system for every datagram of a stranger"
    now[0] = 1.0
    assert "192.0.2.6" in own
    assert 7 not in own


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.set()


def test_datagrams_from_elsewhere_are_dropped_unread() -> None:
    async def scenario(accept: bool) -> tuple[list[str], bool]:
        senders: list[str] = []

        def accepted(sender: str) -> bool:
            senders.append(sender)
            return accept

        pc = RTCPeerConnection()
        pc.createDataChannel("x")
        counted = asyncio.Event()
        use_addresses(pc, ["127.0.0.1"], accept=accepted, on_datagram=counted.set)
        await pc.setLocalDescription(await pc.createOffer())
        line = next(line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate"))
        assert line.split()[4] == "127.0.0.1"
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, remote_addr=("127.0.0.1", int(line.split()[5]))
        )
        transport.sendto(b"")
        transport.sendto(b"\x80hello")
        for _ in range(3000):
            if senders:
                break
            await asyncio.sleep(0.01)
        transport.close()
        await pc.close()
        return senders, counted.is_set()

    assert asyncio.run(scenario(True)) == (["127.0.0.1"], True)
    assert asyncio.run(scenario(False)) == (["127.0.0.1"], False)
