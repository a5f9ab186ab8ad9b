from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from rtvi_local.config import Config, Server
from rtvi_local.server.app import create_app
from rtvi_local.server.origins import Policy
from rtvi_local.server.security import SecurityMiddleware
from tests.server.appliance import FakeAppliance

EVERY_PATH = ["/", "/livez", "/readyz", "/status", "/metrics", "/index.html", "/nothing", "/start", "/api/offer"]


def client_of(server: Server | None = None, base_url: str = "http://localhost:7860") -> TestClient:
    app = create_app(Config(server=server or Server()), FakeAppliance())
    return TestClient(app, base_url=base_url, raise_server_exceptions=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of() as client:
        yield client


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["host", "origin", "null"],
)
def test_foreign_names_and_pages_are_refused_everywhere(
    client: TestClient, path: str, method: str, headers: dict[str, str]
) -> None:
    response = client.request(method, path, headers=headers | {"Content-Type": "application/json"})
    assert response.status_code == 403
    assert "server" in response.json()["detail"]
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
@pytest.mark.parametrize("path", ["/ws-client", "/ws", "/"])
def test_foreign_web_sockets_are_closed_before_they_open(client: TestClient, path: str, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect(path, headers=headers):
        pass
    assert refused.value.code == 4003


def test_two_hosts_or_two_origins_are_refused() -> None:
    for headers in (
        [(b"host", b"localhost"), (b"host", b"evil.example")],
        [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"https://evil.example")],
        [],
    ):
        assert run_middleware(headers)[0]["status"] == 403


@pytest.mark.parametrize("origin", [None, "http://localhost:7860", "http://localhost:3000", "http://127.0.0.1:5173"])
def test_programs_and_pages_of_this_machine_are_answered(client: TestClient, origin: str | None) -> None:
    response = client.get("/livez", headers={"Origin": origin} if origin else {})
    assert response.status_code == 200
    assert response.headers.get("access-control-allow-origin") == origin


def test_an_allowed_origin_is_answered() -> None:
    with client_of(Server(allowed_origins=("https://voice.example",))) as client:
        response = client.get("/livez", headers={"Origin": "https://voice.example"})
        assert response.headers["access-control-allow-origin"] == "https://voice.example"
        assert response.headers["vary"] == "Origin"


def test_a_preflight_allows_patch_and_the_headers_asked_for(client: TestClient) -> None:
    response = client.options(
        "/api/offer",
        headers={
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type",
            "Access-Control-Request-Private-Network": "true",
        },
    )
    assert response.status_code == 204
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "authorization,content-type"
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert response.headers["access-control-allow-private-network"] == "true"


def test_errors_can_be_read_by_pages_too(client: TestClient) -> None:
    response = client.post("/api/offer", json={}, headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 400
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
@pytest.mark.parametrize("path", ["/start", "/api/offer"])
def test_bodies_that_a_form_can_send_are_refused(client: TestClient, path: str, content_type: str | None) -> None:
    response = client.post(path, content=b"{}", headers={"Content-Type": content_type} if content_type else {})
    assert response.status_code == 415
    assert "application/json" in response.json()["detail"]


def test_json_may_name_its_character_set(client: TestClient) -> None:
    assert client.post("/start", content=b"{}", headers={"Content-Type": "Application/JSON; charset=utf-8"}).is_success


def test_large_bodies_are_refused() -> None:
    with client_of(Server(max_body_bytes=2048)) as client:
        response = client.post("/start", json={"body": "x" * 3000})
        assert response.status_code == 413
        assert "2048" in response.json()["detail"]


def test_large_bodies_that_announce_no_length_are_refused() -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 1024

    with client_of(Server(max_body_bytes=2048)) as client:
        response = client.post("/start", content=chunks(), headers={"Content-Type": "application/json"})
        assert response.status_code == 413


def test_no_more_of_a_large_body_is_read_than_is_needed_to_refuse_it() -> None:
    answer, read = (
        run_middleware(
            [(b"host", b"localhost"), (b"content-type", b"application/json")], method="POST", chunk=b"x" * 1000, most=2500
        ),
        reads,
    )
    assert answer[0]["status"] == 413
    assert read == [1000, 1000, 1000]


def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    answer = run_middleware([(b"host", b"localhost")], method="POST", chunk=None, body_s=0.05)
    assert answer[0]["status"] == 408


reads: list[int] = []


def run_middleware(
    headers: list[tuple[bytes, bytes]],
    *,
    method: str = "GET",
    chunk: bytes | None = b"",
    most: int = 10_000,
    body_s: float = 5.0,
) -> list[Message]:
    """The messages that the middleware answers a raw request with; the application behind it must not be reached."""
    reads.clear()

    async def scenario() -> list[Message]:
        sent: list[Message] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise AssertionError("reached the application")

        async def receive() -> Message:
            if chunk is None:
                await asyncio.Event().wait()
                raise AssertionError
            reads.append(len(chunk))
            return {"type": "http.request", "body": chunk, "more_body": True}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "headers": headers}
        await SecurityMiddleware(app, policy=Policy(), max_body_bytes=most, body_s=body_s)(scope, receive, send)
        return sent

    return asyncio.run(scenario())
