"""The guard, and real requests to a server on this machine that it allows."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rtvi_local.errors import UserError
from rtvi_local.files import fetching
from rtvi_local.files.fetching import Allowed, fetch
from rtvi_local.files.reading import FileError

LOCAL, PUBLIC = Allowed(["127.0.0.0/8"]), Allowed(["public"])


class Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/picture")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "Text/Plain; charset=utf-8")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(b"x" * (100_000 if self.path == "/large" else 5))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetched(url: str, allowed: Allowed = LOCAL, most_bytes: int = 1000) -> tuple[bytes, str]:
    return asyncio.run(fetch(url, allowed, most_bytes))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255",
        "224.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "2001:0:1::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_no_inner_address_is_public(address: str) -> None:
    assert address not in PUBLIC


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_are(address: str) -> None:
    assert address in PUBLIC
    assert address not in LOCAL


def test_a_network_can_be_allowed_and_nonsense_cannot() -> None:
    assert "192.168.1.7" in Allowed(["192.168.1.0/24", "fd00::/8"])
    assert "fd00::7" in Allowed(["192.168.1.0/24", "fd00::/8"])
    assert "192.168.2.7" not in Allowed(["192.168.1.0/24"])
    with pytest.raises(UserError, match=r"server\.fetch_from has 'everything'"):
        Allowed(["everything"])


def test_what_is_allowed_is_fetched(server: ThreadingHTTPServer) -> None:
    assert fetched(f"http://127.0.0.1:{server.server_port}/notes.txt") == (b"xxxxx", "text/plain")
    assert fetched(f"http://localhost:{server.server_port}/", Allowed(["127.0.0.0/8", "::1/128"])) == (b"xxxxx", "text/plain")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("allowed", [PUBLIC, Allowed(["10.0.0.0/8"]), Allowed([])])
def test_nothing_is_asked_of_an_inner_address_however_it_is_written(
    server: ThreadingHTTPServer, host: str, allowed: Allowed
) -> None:
    with pytest.raises(FileError):
        fetched(f"http://{host}:{server.server_port}/", allowed)
    assert server.asked == []  # type: ignore[attr-defined]


def test_a_name_with_an_inner_address_among_others_is_refused(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    monkeypatch.setattr(fetching, "_addresses", both)
    with pytest.raises(FileError, match="fetch_from does not allow it"):
        fetched(f"http://rebinding.example:{server.server_port}/", PUBLIC)
    assert server.asked == []  # type: ignore[attr-defined]


def test_a_name_is_looked_up_once(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it means a moment later does not matter any more."""
    asked: list[str] = []

    async def first_this_then_that(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    monkeypatch.setattr(fetching, "_addresses", first_this_then_that)
    assert fetched(f"http://rebinding.example:{server.server_port}/")[0] == b"xxxxx"
    assert asked == ["rebinding.example"]


def test_redirects_are_not_followed(server: ThreadingHTTPServer) -> None:
    with pytest.raises(FileError, match="redirects are not followed"):
        fetched(f"http://127.0.0.1:{server.server_port}/moved")
    assert server.asked == ["/moved"]  # type: ignore[attr-defined]


def test_more_than_is_allowed_is_not_read(server: ThreadingHTTPServer) -> None:
    with pytest.raises(FileError, match="at most 1000 bytes"):
        fetched(f"http://127.0.0.1:{server.server_port}/large")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://a:b@127.0.0.1/", "//x", "http://[::1"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(FileError, match="http:// or https://"):
        fetched(url)


def test_a_server_that_is_not_there_is_said_not_to_be() -> None:
    with pytest.raises(FileError, match="could not be fetched"):
        fetched("http://127.0.0.1:1/")
