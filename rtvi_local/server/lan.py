"""`rtvi-local serve --lan`: the same server for the local network, over HTTPS and for those who have its token."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import segno

from rtvi_local.config import EVERY_ADDRESS
from rtvi_local.errors import UserError
from rtvi_local.server.certificate import Certificate, kept_certificate
from rtvi_local.server.token import kept_token
from rtvi_local.transports.webrtc_addresses import host_addresses, is_loopback

_ROUTED_TO = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737): asking the way there tells this machine's own main address; nothing is sent."""


@dataclass(frozen=True, slots=True)
class Lan:
    token: str
    token_file: Path
    certificate: Certificate
    names: tuple[str, ...]
    """What this machine is called on its network."""
    address: str
    """Where to reach it."""

    def url(self, port: int) -> str:
        """What a browser opens, the token in it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{port}/?token={self.token}"

    def welcome(self, port: int) -> str:
        """For the terminal of whoever started it: the address, as text and as a QR code, and how to know the certificate."""
        url = self.url(port)
        return (
            f"\n{qr_code(url)}\n"
            f"Open on any device in this network:\n\n    {url}\n\n"
            "The browser will warn once that it does not know the certificate, because nobody but this machine has signed it.\n"
            f"Its SHA-256 fingerprint: {self.certificate.fingerprint}\n"
        )


def prepare_lan(host: str, folder: Path | None = None) -> Lan:
    """The token and the certificate for a server on `host`, kept in `folder` (the user's data folder). Raises UserError."""
    folder = folder or Path(platformdirs.user_data_dir("rtvi-local", appauthor=False)) / "lan"
    addresses = _addresses(host)
    name = socket.gethostname().lower().partition(".")[0]
    names = (name, f"{name}.local") if name and not is_loopback(name) else ()
    try:
        token = kept_token(token_file := folder / "token")
        certificate = kept_certificate(folder, ("localhost", *names), ("127.0.0.1", "::1", *addresses))
    except OSError as error:
        raise UserError(f"the token and the certificate for --lan cannot be kept in {folder}: {error.strerror}") from error
    return Lan(token, token_file, certificate, names, _main_address(addresses))


def qr_code(text: str) -> str:
    """For a terminal: two rows of the code in each line of text, with its quiet zone."""
    rows = [[bool(module) for module in row] for row in segno.make(text, error="l").matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    # Light modules are drawn, dark ones are the terminal's background: most are dark, and phones read the inverse as well.
    blocks = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    return "\n".join(
        "".join(blocks[upper, lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )


def _addresses(host: str) -> Sequence[str]:
    """What a server on `host` is reached by. Raises UserError where there is nothing."""
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            return [host]
    except ValueError:
        raise UserError(f"server.host is {host}; with --lan it must be an address, such as {EVERY_ADDRESS}") from None
    found = [address for address in host_addresses(loopback=False) if "%" not in address]
    if not found:
        raise UserError("--lan: this machine has no address on any network. Connect it, or leave --lan away.")
    return found


def _main_address(addresses: Sequence[str]) -> str:
    """The one that other devices most likely reach: that of the default route, not of a container's bridge."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ROUTED_TO)
            routed: str = probe.getsockname()[0]
        except OSError:
            routed = ""
    in_order = [routed, *(address for address in addresses if ":" not in address), *addresses]
    return next(address for address in in_order if address in addresses)
