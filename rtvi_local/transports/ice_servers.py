"""STUN and TURN servers: the same for the server's own peer connections and for its clients'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtvi_local.config import WebRtc


@dataclass(frozen=True, slots=True)
class IceServer:
    url: str
    username: str | None = None
    credential: str | None = None


def ice_servers(settings: WebRtc) -> tuple[IceServer, ...]:
    return tuple(
        IceServer(url, settings.turn_username, settings.turn_credential) if url.startswith("turn") else IceServer(url)
        for url in settings.ice_servers
    )


def for_clients(settings: WebRtc) -> dict[str, Any]:
    """`iceConfig` as clients read it; nothing where there are no servers."""
    servers = [_for_clients(server) for server in ice_servers(settings)]
    return {"iceConfig": {"iceServers": servers}} if servers else {}


def _for_clients(server: IceServer) -> dict[str, Any]:
    # In a list: iOS and Android cannot decode a bare string here. And nothing that is null.
    secrets = {"username": server.username, "credential": server.credential} if server.username is not None else {}
    return {"urls": [server.url], **secrets}
