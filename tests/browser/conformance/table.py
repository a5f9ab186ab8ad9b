"""What was found out about each client: docs/clients.json, from which docs/clients.md is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser.conformance.talk import Client

TABLE = Path(__file__).parents[3] / "docs" / "clients.json"
MEASURED = Path(__file__).parents[3] / "build" / "interrupted.json"
CLIENTS = (
    Client("webrtc-1.13", "client-js 1.13.1, small-webrtc-transport 1.10.8", "POST /start, offer", "2.2.0"),
    Client("webrtc-1.10", "client-js 1.10.0, small-webrtc-transport 1.10.3", "POST /start, offer", "1.4.0"),
    Client("webrtc-1.4", "client-js 1.4.1, small-webrtc-transport 1.7.2", "POST /start, offer", "1.0.0"),
    Client("webrtc-1.2", "client-js 1.2.0, small-webrtc-transport 1.2.0", "offer", "1.0.0"),
    Client("websocket-1.13", "client-js 1.13.1, websocket-transport 1.7.1", "POST /start", "2.2.0"),
    Client("websocket-1.0", "client-js 1.0.0, websocket-transport 1.0.0", "POST /connect", "1.0.0"),
    Client("websocket-0.4", "client-js 0.4.1, websocket-transport 0.4.2", "POST /connect", "0.3.0"),
)


def rows() -> dict[str, Any]:
    """By the client's name."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}
    return table


def row(client: Client, features: dict[str, str]) -> dict[str, Any]:
    return {"packages": client.packages, "protocol": client.protocol, "connects by": client.connects_by, "features": features}


def write_row(client: Client, features: dict[str, str]) -> None:
    known = rows() | {client.name: row(client, features)}
    table = {each.name: known[each.name] for each in CLIENTS if each.name in known}
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_measured(client: Client, measured: dict[str, float]) -> None:
    """How fast it was silent, beside the other clients' figures."""
    known = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    MEASURED.parent.mkdir(exist_ok=True)
    known[client.name] = {what: round(value) for what, value in measured.items()}
    MEASURED.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
