"""What some of the settings' texts must look like, and what they mean. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    words: str
    """What is allowed, for people."""
    read: Callable[[str], object]
    """Raises ValueError."""
    examples: tuple[str, ...]

    def fits(self, text: str) -> bool:
        try:
            self.read(text)
        except ValueError:
            return False
        return True


ANY_PORT = range(1)
"""Port 0: the system chooses one."""


def read_ports(text: str) -> range:
    """`50000-50099`, or one port; nothing is any. Raises ValueError."""
    if not text:
        return ANY_PORT
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    ports = range(int(match[1]), int(match[2] or match[1]) + 1) if match else ANY_PORT
    if not 0 < ports.start < ports.stop <= 65_536:
        raise ValueError(text)
    return ports


UDP_PORTS = Form("empty for any, a range such as 50000-50099, or one port", read_ports, ("", "50000-50099", "40000"))
ADDRESS = Form(
    "empty, or an IP address such as 203.0.113.7", lambda text: text and ipaddress.ip_address(text), ("", "203.0.113.7", "::1")
)


def _read_ice_url(text: str) -> None:
    """RFC 7064 and 7065, but for IPv6 addresses, which aiortc does not read."""
    if not re.fullmatch(r"(stuns?:[^?:@\s]+(:[0-9]{1,5})?|turns?:[^?:@\s]+(:[0-9]{1,5})?(\?transport=(udp|tcp))?)", text):
        raise ValueError(text)


ICE_URLS = Form(
    "a list of URLs such as stun:stun.example.com:3478 or turn:turn.example.com:3478?transport=udp",
    _read_ice_url,
    ("stun:stun.example.com:3478", "turn:192.0.2.7", "turns:turn.example.com:443?transport=tcp"),
)
