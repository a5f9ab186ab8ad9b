from __future__ import annotations

import contextlib
import itertools
import stat
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rtvi_local.config import Config, Server
from rtvi_local.server.app import create_app
from rtvi_local.server.certificate import Certificate
from rtvi_local.server.lan import Lan
from rtvi_local.server.limits import Limits
from rtvi_local.server.token import COOKIE, kept_token
from tests.server.appliance import FakeAppliance
from tests.server.test_security import EVERY_PATH

TOKEN = "the-right-token-of-24-bytes"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def lan() -> Lan:
    nowhere = Path("/nonexistent")
    return Lan(TOKEN, nowhere, Certificate(nowhere, nowhere, ""), ("kiosk", "kiosk.local"), "192.0.2.7")


def client_of(limits: Limits | None = None) -> TestClient:
    config = Config(server=Server(host="0.0.0.0", lan=True))
    app = create_app(config, FakeAppliance(), lan=lan(), limits=limits)
    return TestClient(app, base_url="https://192.0.2.7:7860", follow_redirects=False)


def opens(client: TestClient, path: str) -> bool:
    """Whether a WebSocket to this path is accepted."""
    opened = False
    # The test client ends the application by cancelling it, wherever it is then.
    with contextlib.suppress(CancelledError), client.websocket_connect(f"wss://192.0.2.7{path}"):
        opened = True
    return opened


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"{COOKIE}=wrong"},
        {"Cookie": f"other={TOKEN}"},
        {"Authorization": "Bearer "},
    ],
)
def test_nothing_is_answered_without_the_token(headers: dict[str, str]) -> None:
    paths = [*EVERY_PATH, "/connect", "/action", "/twiml", "/sdk/voice-client.js"]
    with client_of(Limits(guesses_burst=1000)) as client:
        for path, method in itertools.product(paths, ("GET", "POST", "PATCH")):
            response = client.request(method, path, headers=headers | {"Content-Type": "application/json"})
            assert response.status_code == 401, f"{method} {path}"
            assert "QR code" in response.json()["detail"], f"{method} {path}"


@pytest.mark.parametrize(
    "path", ["/ws-client", "/ws", "/ws-client/wrong", "/ws/wrong", "/ws/wrong/sessions/1", "/ws-client?token=wrong"]
)
def test_no_web_socket_opens_without_the_token(path: str) -> None:
    with (
        client_of() as client,
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(f"wss://192.0.2.7{path}"),
    ):
        pass
    assert refused.value.code == 4401


def test_a_page_brings_it_once_in_its_address_and_then_in_a_cookie() -> None:
    with client_of() as client:
        first = client.get(f"/?token={TOKEN}&debug=1", headers=PAGE)
        assert (first.status_code, first.headers["location"]) == (303, "/?debug=1"), "out of the address, out of the history"
        cookie = first.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("secure", "httponly", "samesite=lax", "path=/"))
        assert client.get("/").status_code == 200
        assert client.get("/status").status_code == 200
        assert opens(client, "/ws-client")


def test_programs_bring_it_in_a_header_in_the_query_or_in_a_web_sockets_path() -> None:
    with client_of() as client:
        assert client.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get(f"/readyz?token={TOKEN}").status_code == 200
        for path in (f"/ws-client/{TOKEN}", f"/ws-client?token={TOKEN}"):
            assert opens(client, path)


def test_it_is_no_pass_for_foreign_names_or_pages() -> None:
    right = {"Authorization": f"Bearer {TOKEN}"}
    with client_of() as client:
        assert client.get("/status", headers=right | {"Host": "evil.example"}).status_code == 403
        assert client.get("/status", headers=right | {"Origin": "https://evil.example"}).status_code == 403
        for name in ("kiosk.local:7860", "kiosk", "192.0.2.7", "localhost:7860"):
            assert client.get("/status", headers=right | {"Host": name}).status_code == 200
        own = {"Host": "kiosk.local:7860", "Origin": "https://kiosk.local:7860"}
        assert client.get("/status", headers=right | own).status_code == 200


def test_who_guesses_is_slowed_down_and_who_knows_is_not() -> None:
    with client_of(Limits(guesses_per_s=0.001, guesses_burst=3)) as client:
        answers = [client.get("/status", headers={"Authorization": f"Bearer {guess}"}).status_code for guess in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert client.get("/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_telephone_provider_is_given_an_address_with_the_token() -> None:
    with client_of() as client:
        answer = client.post(f"/twiml?token={TOKEN}", data={"From": "+1"})
    assert f'url="wss://192.0.2.7:7860/ws/{TOKEN}"' in answer.text


def test_the_address_for_a_call_that_is_announced_holds_the_token() -> None:
    with client_of() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        url = client.post("/start", json={"transport": "twilio"}).json()["wsUrl"]
        assert url.startswith(f"wss://192.0.2.7:7860/ws/{TOKEN}/sessions/")
        del client.headers["Authorization"]
        assert opens(client, url.removeprefix("wss://192.0.2.7:7860"))


def test_the_token_stays_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "lan" / "token"
    token = kept_token(path)
    assert len(token) >= 32
    assert kept_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text("short")
    assert kept_token(path) not in (token, "short"), "a damaged one is made anew, never accepted"
