from __future__ import annotations

import socket
from pathlib import Path

import pytest

from rtvi_local.errors import UserError
from rtvi_local.server import lan, run


def test_what_is_printed_leads_there_with_the_token_and_names_the_fingerprint(tmp_path: Path) -> None:
    prepared = lan.prepare_lan("127.0.0.1", tmp_path)
    url = f"https://127.0.0.1:7860/?token={prepared.token}"
    assert prepared.url(7860) == url
    text = prepared.welcome(7860)
    assert url in text
    assert prepared.certificate.fingerprint in text
    assert lan.qr_code(url) in text


def test_the_second_start_shows_the_same(tmp_path: Path) -> None:
    assert lan.prepare_lan("127.0.0.1", tmp_path).welcome(1) == lan.prepare_lan("127.0.0.1", tmp_path).welcome(1)


def test_a_qr_code_is_a_square_of_two_rows_a_line_with_its_quiet_zone() -> None:
    lines = lan.qr_code("https://192.168.1.20:7860/?token=abcdefghijklmnopqrstuvwxyz012345").splitlines()
    width = len(lines[0])
    assert {len(line) for line in lines} == {width}
    assert len(lines) == (width + 1) // 2
    assert set(lines[0]) == {"█"}, "light all around"
    assert [line[:2] for line in lines[1:-1]] == ["██"] * (len(lines) - 2)
    # The corner's finder pattern: seven dark modules, of which the second row is dark at its ends alone.
    assert lines[1][2:9] == " ▄▄▄▄▄ "


def test_a_main_address_is_one_of_the_machines_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lan, "host_addresses", lambda **_: ["fe80::1%eth0", "172.17.0.1", "2001:db8::5"])
    assert lan.prepare_lan("0.0.0.0", tmp_path).address == "172.17.0.1", "the default route leads from another: not asked"


def test_a_machine_without_a_network_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lan, "host_addresses", lambda **_: [])
    with pytest.raises(UserError, match="no address on any network"):
        lan.prepare_lan("0.0.0.0", tmp_path)


def test_a_name_is_not_listened_on(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be an address"):
        lan.prepare_lan("kiosk.local", tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        lan.prepare_lan("127.0.0.1", tmp_path / "file" / "lan")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::", "kiosk.local"])
def test_without_it_nothing_but_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(UserError, match="--lan"):
        run._refuse_the_lan(host)


def test_this_machines_name_leads_there_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Kiosk.example.org")
    assert lan.prepare_lan("127.0.0.1", tmp_path).names == ("kiosk", "kiosk.local")
