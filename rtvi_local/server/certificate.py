"""A certificate for a server on the local network, signed by itself: made on first use, and anew when it no longer fits.

No authority signs names like 192.168.1.20, so browsers ask once whether to trust it; its fingerprint is for comparing.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = timedelta(days=397)
"""The longest that browsers accept (CA/Browser Forum, Baseline Requirements 6.3.2)."""
RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    certificate: Path
    key: Path
    fingerprint: str
    """SHA-256 in hexadecimal with colons, as browsers show it."""


def kept_certificate(
    folder: Path, names: Collection[str], addresses: Collection[str], now: datetime | None = None
) -> Certificate:
    """The certificate in `folder` if it holds for these names and addresses for a while yet, else a new one. Raises OSError."""
    now = now or datetime.now(timezone.utc)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    held = _read(certificate, key)
    if held is None or held.not_valid_after_utc - now < RENEWED_BEFORE or not _covers(held, names, addresses):
        held = _make(certificate, key, names, addresses, now)
    return Certificate(certificate, key, held.fingerprint(hashes.SHA256()).hex(":").upper())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def _read(certificate: Path, key: Path) -> x509.Certificate | None:
    """None if there is none, or it is damaged, or is not that key's."""
    try:
        held = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    return held if held.public_key() == private.public_key() else None


def _covers(held: x509.Certificate, names: Collection[str], addresses: Collection[str]) -> bool:
    alternatives = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = set(alternatives.get_values_for_type(x509.DNSName))
    known |= {str(address) for address in alternatives.get_values_for_type(x509.IPAddress)}
    return known >= {*names, *addresses}


def _make(certificate: Path, key: Path, names: Collection[str], addresses: Collection[str], now: datetime) -> x509.Certificate:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rtvi-local")])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_private(key, private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    write_private(certificate, made.public_bytes(pem))
    return made
