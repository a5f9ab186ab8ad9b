from __future__ import annotations

from pathlib import Path

import pytest
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from rtvi_local.config import Config, WebRtc
from rtvi_local.server.app import create_app
from rtvi_local.server.document import ENDPOINTS, endpoints_page
from tests.server.appliance import FakeAppliance

PAGE = Path(__file__).parents[2] / "docs" / "endpoints.md"
DOCUMENTED = {(method, path): endpoint for endpoint in ENDPOINTS for method in endpoint.methods for path in endpoint.paths}


def test_the_page_of_endpoints_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == endpoints_page(), "run: make docs"


def test_every_route_is_documented_and_nothing_else_is() -> None:
    routes: set[tuple[str, str]] = set()
    for route in create_app(Config(), FakeAppliance()).routes:
        if isinstance(route, Route):
            routes |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
        elif isinstance(route, WebSocketRoute):
            routes.add(("WS", route.path))
        else:
            assert isinstance(route, Mount)
            routes.add(("GET", route.path or "/"))
    assert routes == set(DOCUMENTED)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/start", {"enableFileUploads": True}),
        ("POST", "/start", {"transport": "websocket"}),
        ("POST", "/start", {"transport": "twilio"}),
        ("POST", "/connect", {}),
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("GET", "/status", None),
    ],
)
def test_what_is_answered_is_what_the_page_says(method: str, path: str, body: object) -> None:
    app = create_app(Config(webrtc=WebRtc(ice_servers=("stun:stun.example.com",))), FakeAppliance())
    with TestClient(app, base_url="http://localhost:7860") as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code == 200
    assert set(answer.json()) <= set(DOCUMENTED[method, path].response)


def test_an_upload_is_answered_as_the_page_says() -> None:
    with TestClient(create_app(Config(), FakeAppliance()), base_url="http://localhost:7860") as client:
        answer = client.post("/files", files={"file": ("a.txt", b"x")})
    assert set(answer.json()) == set(DOCUMENTED["POST", "/files"].response)
