from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rtvi_local.server.certificate import kept_certificate

NAMES, ADDRESSES = ("localhost", "kiosk.local"), ("127.0.0.1", "::1", "192.0.2.7")


def test_it_is_kept_as_long_as_it_fits(tmp_path: Path) -> None:
    now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    first = kept_certificate(tmp_path, NAMES, ADDRESSES, now)
    assert kept_certificate(tmp_path, NAMES[:1], ADDRESSES[:2], now + timedelta(days=300)) == first
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("names", "addresses", "days"),
    [((*NAMES, "hall"), ADDRESSES, 0), (NAMES, (*ADDRESSES, "192.0.2.8"), 0), (NAMES, ADDRESSES, 380)],
    ids=["another name", "another address", "nearly over"],
)
def test_it_is_made_anew_when_it_does_not(
    tmp_path: Path, names: tuple[str, ...], addresses: tuple[str, ...], days: int
) -> None:
    now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    first = kept_certificate(tmp_path, NAMES, ADDRESSES, now)
    assert kept_certificate(tmp_path, names, addresses, now + timedelta(days=days)).fingerprint != first.fingerprint


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
def test_damaged_files_are_replaced(tmp_path: Path, name: str) -> None:
    first = kept_certificate(tmp_path, NAMES, ADDRESSES)
    (tmp_path / name).write_text("-----BEGIN NOTHING-----")
    assert kept_certificate(tmp_path, NAMES, ADDRESSES).fingerprint != first.fingerprint


def test_a_client_that_trusts_it_connects_by_name_and_by_address(tmp_path: Path) -> None:
    kept = kept_certificate(tmp_path, NAMES, ADDRESSES)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(kept.certificate, kept.key)
    client = ssl.create_default_context(cafile=str(kept.certificate))
    for name in ("kiosk.local", "192.0.2.7"):
        ours, theirs = socket.socketpair()
        serving = threading.Thread(target=lambda end=theirs: server.wrap_socket(end, server_side=True).close())
        serving.start()
        with client.wrap_socket(ours, server_hostname=name) as connected:
            assert connected.version() in ("TLSv1.3", "TLSv1.2")
        serving.join()
