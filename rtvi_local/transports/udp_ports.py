"""The UDP ports of peer connections: any, or a fixed range where a firewall or a container lets only certain ports through."""

from __future__ import annotations

import errno
import logging
import random
import socket
from collections.abc import Sequence

from rtvi_local.transports.signalling import OfferError

log = logging.getLogger(__name__)

_TAKEN = (errno.EADDRINUSE, errno.EACCES)


class NoFreePort(OfferError):
    """Every port of the range is in use."""


def bind(addresses: Sequence[str], ports: range) -> list[socket.socket]:
    """A UDP socket on each of these addresses, all with the same port of the range. An address that is gone by now is left out.
    Raises NoFreePort."""
    # In no order: what an earlier conversation's client still sends must not arrive in the next one.
    for port in random.sample(ports, len(ports)):
        bound = _bind_all(addresses, port)
        if bound is not None:
            return bound
    raise NoFreePort(f"every UDP port from {ports[0]} to {ports[-1]} (webrtc.udp_ports) is in use; try again later")


def _bind_all(addresses: Sequence[str], port: int) -> list[socket.socket] | None:
    """None if the port is taken on one of them."""
    bound: list[socket.socket] = []
    for address in addresses:
        one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            one.setblocking(False)
            one.bind((address, port))
            bound.append(one)
        except OSError as error:
            one.close()
            if error.errno in _TAKEN:
                for other in bound:
                    other.close()
                return None
            log.info("no UDP port on %s: %s", address, error.strerror)
    return bound
