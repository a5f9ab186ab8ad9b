from __future__ import annotations

import pytest

from rtvi_local.server.origins import Policy, host_allowed, origin_allowed

LOCAL = Policy()
LAN = Policy(host="0.0.0.0")
PROXY = Policy(allowed_origins=("https://voice.example",))


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:7860", "127.0.0.1", "127.5.5.5:80", "[::1]", "[::1]:7860", "kiosk.localhost:1", "LocalHost."],
)
def test_every_loopback_name_is_ours(host: str) -> None:
    assert host_allowed(host, LOCAL)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.1",
        "0.0.0.0",
        "evil.example/localhost",
        "evil.example#localhost",
        "localhost@evil.example",
        "evil.example?@localhost",
        "[::1",
        "::1]",
        "2130706433.evil",
        "localhost evil",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not host_allowed(host, LOCAL)


def test_a_server_for_all_addresses_answers_to_addresses_but_not_to_names() -> None:
    assert host_allowed("192.0.2.1:7860", LAN)
    assert host_allowed("[2001:db8::1]", LAN)
    assert not host_allowed("evil.example", LAN)


def test_the_configured_host_and_allowed_origins_are_names_of_ours() -> None:
    assert host_allowed("192.0.2.9:7860", Policy(host="192.0.2.9"))
    assert host_allowed("voice.example", PROXY)
    assert not host_allowed("other.example", PROXY)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173", "http://app.localhost"])
def test_pages_of_this_machine_may_use_the_server(origin: str) -> None:
    assert origin_allowed(origin, "localhost:7860", LOCAL)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.example",
        "file://localhost",
        "chrome-extension://localhost",
        "http://localhost@evil.example",
        "http://evil.example@localhost",
        "http://localhost/path",
        "http://[::1",
        "localhost",
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert not origin_allowed(origin, "localhost:7860", LOCAL)


def test_the_servers_own_pages_may_under_whatever_name_is_allowed() -> None:
    assert origin_allowed("http://192.0.2.1:7860", "192.0.2.1:7860", LAN)
    assert not origin_allowed("http://192.0.2.1:9999", "192.0.2.1:7860", LAN)


def test_an_allowed_origin_is_matched_whole() -> None:
    assert origin_allowed("https://voice.example", "voice.example", PROXY)
    assert not origin_allowed("https://voice.example.evil", "voice.example", PROXY)
    assert not origin_allowed("http://voice.example", "localhost", PROXY)


def test_who_can_be_a_client_at_all() -> None:
    assert LOCAL.this_machine_only
    assert Policy(allowed_origins=("http://localhost:3000",)).this_machine_only
    assert not PROXY.this_machine_only
    assert not LAN.this_machine_only
