"""Gathers a peer connection's local candidates (RFC 8445 §5.1.1) in aioice's place.

aioice takes every address but the loopback ones, and lets the system choose each port; neither it nor aiortc has a setting for
that. Relayed candidates are still its own.
"""

from __future__ import annotations

import asyncio
import copy
import ipaddress
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aioice import Candidate, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol
from aioice.turn import UDP_SOCKET_BUFFER_SIZE

STUN_S = 1.0
"""How long a STUN server may take to answer, the look-up of its name included: every client waits for it. A question that
was lost is asked again after half a second."""
TURN_S = 2.0
"""How long a TURN server may take to lend an address: twice as long, for it is asked twice (the first answer tells its nonce,
RFC 8656 §7.2), often over TLS, and where one is set there may be no other way. aioice would wait for 5 s."""


async def listen(connection: Any, component: int, bound: Iterable[socket.socket]) -> list[StunProtocol]:
    """Take datagrams for this aioice connection on these sockets; each gets its host candidate."""
    protocols = []
    for one in bound:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_SOCKET_BUFFER_SIZE)
        host, port = one.getsockname()[:2]
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(lambda: StunProtocol(connection), sock=one)
        protocol.local_candidate = _candidate(component, "host", host, host, port)
        connection._protocols.append(protocol)
        protocols.append(protocol)
    return protocols


def announced(candidates: Iterable[Candidate], address: str) -> Iterator[Candidate]:
    """The host candidates as clients reach them under this address, those of this machine alone unchanged; each once."""
    seen = set()
    for candidate in candidates:
        told = copy.copy(candidate)
        if address and not ipaddress.ip_address(candidate.host).is_loopback:
            told.host, told.foundation = address, candidate_foundation("host", "udp", address)
        if (told.host, told.port) not in seen:
            seen.add((told.host, told.port))
            yield told


async def server_reflexive(protocols: Sequence[StunProtocol], server: tuple[str, int] | None) -> list[Candidate]:
    """What this STUN server, if there is one, sees each of these sockets as; nothing where it does not answer in time."""
    if server is None:
        return []
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + STUN_S
    try:
        looking_up = loop.getaddrinfo(*server, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        found = await asyncio.wait_for(looking_up, STUN_S)
    except (OSError, asyncio.TimeoutError):
        return []
    address: tuple[str, int] = found[0][4][0], found[0][4][1]  # type: ignore[assignment]
    asking = [asyncio.ensure_future(_ask(one, address)) for one in protocols if _reaches(one.local_candidate.host, address[0])]
    if not asking:
        return []
    done, late = await asyncio.wait(asking, timeout=deadline_s - loop.time())
    for task in late:
        task.cancel()
    return [task.result() for task in done if task.exception() is None]


def _reaches(own: str, server: str) -> bool:
    """Without this, every loopback socket would wait for an answer that cannot come."""
    address = ipaddress.ip_address(own)
    return address.version == 4 and (not address.is_loopback or ipaddress.ip_address(server).is_loopback)


async def _ask(protocol: StunProtocol, server: tuple[str, int]) -> Candidate:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    response, _ = await protocol.request(request, server)
    own = protocol.local_candidate
    seen_as, port = response.attributes["XOR-MAPPED-ADDRESS"]
    return _candidate(own.component, "srflx", own.host, seen_as, port, own.host, own.port)


def _candidate(component: int, kind: str, base: str, host: str, port: int, *related: Any) -> Candidate:
    priority, foundation = candidate_priority(component, kind), candidate_foundation(kind, "udp", base)
    return Candidate(foundation, component, "udp", priority, host, port, kind, *related)
