"""Files from addresses that clients name, without letting a client reach what it could not reach itself.

A server that fetches what it is told to is a way into its network: to routers, to other servers on the same machine, to a
cloud's metadata. So nothing is fetched unless the settings say from where; a name is looked up once, every address it has must
be allowed, and the connection goes to one of these addresses and not to the name again (which might mean another one by then).
Redirects are not followed, and proxies from the environment are not used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Union
from urllib.parse import urlsplit

import httpcore

from rtvi_local.errors import UserError
from rtvi_local.files.reading import FileError

PUBLIC = "public"
FETCH_S = 30.0
_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""NAT64 (RFC 6052, RFC 8215): an IPv4 address behind an IPv6 one, and any that there is."""


class Allowed:
    """From where files may be fetched."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Each is a network (CIDR) or "public". Raises UserError."""
        self._public = False
        self._networks: list[_Network] = []
        for entry in entries:
            if entry == PUBLIC:
                self._public = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                raise UserError(
                    f"server.fetch_from has {entry!r} in it; it takes networks such as '192.168.1.0/24', and 'public'."
                ) from None

    def __bool__(self) -> bool:
        return self._public or bool(self._networks)

    def __contains__(self, text: object) -> bool:
        address = ipaddress.ip_address(str(text).partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address.version == network.version and address in network for network in self._networks):
            return True
        return self._public and _is_public(address)


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.sixtofour is not None or address.teredo is not None or any(address in net for net in _TRANSLATED)
        if hidden:
            return False
    return address.is_global and not address.is_multicast


async def fetch(url: str, allowed: Allowed, most_bytes: int) -> tuple[bytes, str]:
    """The bytes at `url`, and their MIME type as the server there says it. Raises FileError."""
    if not allowed:
        raise FileError("Files are not fetched from addresses here: send or upload the file, or set server.fetch_from.")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise FileError("The file's address must be an http:// or https:// URL without a user name.")
    try:
        return await asyncio.wait_for(_get(url, allowed, most_bytes), FETCH_S)
    except asyncio.TimeoutError:
        raise FileError(f"The file did not come within {FETCH_S:g} seconds.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        raise FileError(f"The file could not be fetched ({type(error).__name__}).") from error


async def _get(url: str, allowed: Allowed, most_bytes: int) -> tuple[bytes, str]:
    too_large = FileError(f"The file is too large: at most {most_bytes} bytes are taken (server.max_file_bytes).")
    async with (
        httpcore.AsyncConnectionPool(network_backend=_Guarded(allowed), ssl_context=ssl.create_default_context()) as pool,
        pool.stream("GET", url, headers={"Accept": "*/*", "Accept-Encoding": "identity"}) as response,
    ):
        if response.status != 200:
            redirected = " (redirects are not followed)" if 300 <= response.status < 400 else ""
            raise FileError(f"The file could not be fetched: its server answered {response.status}{redirected}.")
        headers = {key.lower(): value for key, value in response.headers}
        data = bytearray()
        async for piece in response.aiter_stream():
            data += piece
            if len(data) > most_bytes:
                raise too_large
    return bytes(data), headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


class _Guarded(httpcore.AsyncNetworkBackend):
    """Looks names up itself, and connects to what it found."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        addresses = await _addresses(host, port)
        if not addresses or not all(address in self._allowed for address in addresses):
            raise FileError("Files are not fetched from that address: server.fetch_from does not allow it.")
        return await self._backend.connect_tcp(addresses[0], port, *args, **options)

    async def connect_unix_socket(self, path: str, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        raise FileError("Files are not fetched from sockets.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


async def _addresses(host: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FileError("The host of the file's address is not known.") from None
    return [str(address[0]) for *_, address in found]
