"""Which of this machine's addresses a peer connection uses, and from where it takes datagrams.

aioice gathers every address but the loopback ones, so that two programs on a machine without a network cannot meet, and a
server that listens on loopback only would still open sockets that the whole network reaches. Here a server for this machine
alone offers its loopback address besides the others (Firefox does not pair an interface's address with a loopback one) and
drops, unread, every datagram whose sender is not this machine. Behind a port forwarding it offers the address before it.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import Any

from aioice.ice import get_host_addresses
from aiortc import RTCPeerConnection

from rtvi_local.config_forms import ANY_PORT
from rtvi_local.transports.udp_ports import bind
from rtvi_local.transports.webrtc_gathering import TURN_S, announced, listen, server_reflexive

LOOPBACK_ADDRESS = "127.0.0.1"
_REFRESH_S = 1.0
_LAST_OF_STUN = b"\x03"
"""What begins with a greater byte is no STUN (RFC 7983)."""


@functools.lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether an address or a host name means this machine, without asking any resolver."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")


def host_addresses(*, loopback: bool) -> list[str]:
    """The addresses to offer, the loopback one last."""
    return get_host_addresses(use_ipv4=True, use_ipv6=True) + ([LOOPBACK_ADDRESS] if loopback else [])


class OwnAddresses:
    """Whether an address is one of this machine's, now: they change when a cable is pulled or a Wi-Fi joined."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: frozenset[str] = frozenset()
        self._refreshed_s = float("-inf")

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, str):
            return False
        if address in self._known or is_loopback(address):
            return True
        if self._clock() - self._refreshed_s < _REFRESH_S:
            return False
        self._refreshed_s = self._clock()
        self._known = frozenset(get_host_addresses(use_ipv4=True, use_ipv6=True))
        return address in self._known


def use_addresses(
    pc: RTCPeerConnection,
    addresses: Sequence[str],
    *,
    ports: range = ANY_PORT,
    announce: str = "",
    accept: Callable[[str], bool] = lambda sender: True,
    on_datagram: Callable[[], None] = lambda: None,
) -> None:
    """Gather host candidates on `addresses` and one of the `ports` instead of aioice's choice, and tell clients the address to
    `announce` in their place. Drop datagrams from senders that `accept` refuses, and call `on_datagram` for the others. Call it
    when the connection has a transceiver or a data channel and no description yet; setLocalDescription then raises NoFreePort
    where there is none.

    Neither aiortc nor aioice has a setting for this: the methods of this one connection's objects are wrapped.
    """
    kept = [address for address in addresses if not announce or is_loopback(address) or _same_family(address, announce)]
    for connection in _ice_connections(pc):
        _wrap(connection, kept, ports, announce, accept, on_datagram)


def _same_family(one: str, other: str) -> bool:
    return (":" in one) == (":" in other)


def _ice_connections(pc: RTCPeerConnection) -> list[Any]:
    transports = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        transports.append(pc.sctp.transport)
    connections = {id(dtls): dtls.transport.iceGatherer._connection for dtls in transports}
    return list(connections.values())


def _wrap(
    connection: Any,
    addresses: Sequence[str],
    ports: range,
    announce: str,
    accept: Callable[[str], bool],
    on_datagram: Callable[[], None],
) -> None:
    gather = connection.get_component_candidates

    async def gather_on_ours(component: int, addresses_of_aioice: object = None, **_: object) -> object:
        protocols = await listen(connection, component, bind(addresses, ports))
        relayed, reflexive = await asyncio.gather(
            gather(component=component, addresses=[], timeout=TURN_S), server_reflexive(protocols, connection.stun_server)
        )
        for protocol in connection._protocols:
            _guard(protocol, accept, on_datagram)
        return [*announced((protocol.local_candidate for protocol in protocols), announce), *reflexive, *relayed]

    connection.get_component_candidates = gather_on_ours


def _guard(protocol: Any, accept: Callable[[str], bool], on_datagram: Callable[[], None]) -> None:
    receive = protocol.datagram_received

    def receive_from_accepted(data: bytes, sender: tuple[Any, ...]) -> None:
        # aiortc ends the connection over an empty one.
        if data and accept(sender[0]):
            on_datagram()
            if data[:1] > _LAST_OF_STUN:
                # aioice finds that out by parsing it for STUN and failing, which costs more than all the rest here.
                protocol.receiver.data_received(data, protocol.local_candidate.component)
            else:
                receive(data, sender)

    protocol.datagram_received = receive_from_accepted
