"""Which names are this server's own, and which pages may use it. Pure rules; `security` applies them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from rtvi_local.transports.webrtc_addresses import is_loopback


@dataclass(frozen=True)
class Policy:
    """Names and origins that are this server's own, besides every loopback name."""

    host: str = "127.0.0.1"
    """What the server listens on."""
    allowed_origins: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What this machine is called on its network."""

    @property
    def this_machine_only(self) -> bool:
        """Nobody else can be a client: it listens on loopback, and no reverse proxy's name is allowed."""
        return is_loopback(self.host) and all(is_loopback(_host_of(origin)) for origin in self.allowed_origins)


def host_allowed(header: str, policy: Policy) -> bool:
    """Whether a Host header names this server. The port does not matter: it is the name that rebinding needs."""
    host = _host_of(f"//{header}")
    if not host or any(character in header for character in "/?#@ "):
        return False
    if (
        is_loopback(host)
        or host == policy.host.lower()
        or host in policy.names
        or any(host == _host_of(o) for o in policy.allowed_origins)
    ):
        return True
    # Listening on every address: any of them may be used, and an address, unlike a name, cannot be rebound.
    return _is_unspecified(policy.host) and _is_address(host)


def origin_allowed(origin: str, host_header: str, policy: Policy) -> bool:
    """Whether a page of this origin may use the server: one of this machine, one that the server itself served, or one from the
    settings. `null` (sandboxed frames, files, redirects) never is."""
    if origin in policy.allowed_origins:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.path
        or parts.query
        or parts.fragment
        or "@" in origin
    ):
        return False
    return is_loopback(_host_of(origin)) or parts.netloc.lower() == host_header.lower()


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_unspecified(host: str) -> bool:
    return host == "" or (_is_address(host) and ipaddress.ip_address(host.strip("[]")).is_unspecified)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
