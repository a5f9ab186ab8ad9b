"""The appliance as it is started, a browser with a recording as its microphone, and the page that both have. `test_offline`
runs it without a network."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, sync_playwright

from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.transports.protobuf import AudioFrame, decode
from tests.browser.conftest import BrowserHouse, spoken
from tests.browser.fake_server import until
from tests.browser.test_page import level

QUESTION = "How many days are there in a week?"
TURN_S = 60.0
CONNECTED_S = 8.0
"""Until then the page has found that WebRTC cannot connect, and has another connection."""


def converse(page: Page) -> dict[str, object]:
    """One spoken turn, and over which way it went."""
    requests: list[str] = []
    sockets: list[str] = []
    sound: list[bytes] = []

    def on_frame(payload: str | bytes) -> None:
        frame = decode(payload) if isinstance(payload, bytes) else None
        if isinstance(frame, AudioFrame) and any(frame.pcm):
            sound.append(frame.pcm)

    def on_socket(socket: WebSocket) -> None:
        sockets.append(socket.url)
        socket.on("framereceived", on_frame)

    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", on_socket)
    page.get_by_role("button", name="Start talking").click()
    transcript = page.locator(".user .final").first
    until(lambda: transcript.count() and transcript.text_content(), "transcript", TURN_S)
    until(lambda: level(page, "--bot") > 0.3, "sound of the answer", TURN_S)
    until(lambda: page.locator("#state").text_content() == "Listening", "end of the answer", TURN_S)
    return {
        "transcript": transcript.text_content(),
        "reply": page.locator(".bot p").first.text_content(),
        "unsaid": page.locator(".bot .unsaid").first.text_content(),
        "sound_s": sum(map(len, sound)) / 2 / 24_000,
        "offers": [url for url in requests if url.endswith("/api/offer")],
        "sockets": [url.rpartition("/")[2] for url in sockets],
    }


def visit(models: Path) -> dict[str, object]:
    # Left to chance, the answer is "7" now and then: a quarter of a second of sound.
    environment = {"RTVI_LOCAL_MODELS_DIRECTORY": str(models), "RTVI_LOCAL_LLM_TEMPERATURE": "0"}
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(environment=environment) as server,
        sync_playwright() as playwright,
    ):
        house = BrowserHouse(playwright)
        try:
            question = spoken(QUESTION, models, Path(folder), lead_in_s=CONNECTED_S)
            return converse(house.visit(f"{server.url}/", microphone=question))
        except pytest.skip.Exception as skipped:
            return {"skipped": str(skipped)}
        finally:
            house.close()


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(visit(Path(sys.argv[1]))) + "\n")
