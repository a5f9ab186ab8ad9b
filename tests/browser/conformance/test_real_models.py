"""The newest client over both transports, and the oldest, and the real appliance: what is said is understood and answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conformance.table import CLIENTS
from tests.browser.conformance.talk import Client
from tests.browser.conformance.test_clients import ENDINGS, visit
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import until

pytestmark = [pytest.mark.browser, pytest.mark.models]

TRIED = [client for client in CLIENTS if client.name in ("webrtc-1.13", "websocket-1.13", "websocket-0.4")]
TURN_TIMEOUT_S = 60.0
HEARD = re.compile(r"capital of france", re.IGNORECASE)


@pytest.mark.parametrize("client", TRIED, ids=lambda client: str(client.name))
def test_it_is_heard_and_answered(
    client: Client, house: BrowserHouse, bundles: Path, appliance_url: str, question_wav: Path
) -> None:
    source = (bundles / f"{client.name}.js").read_text(encoding="utf-8")
    page = visit(house, appliance_url, client.name, source, recording=question_wav)

    def given(name: str) -> list[object]:
        return [event["given"][0] if event["given"] else True for event in page.evaluate("recorded") if event["name"] == name]

    ready = page.evaluate("it.connect()")
    assert ready["version"] == client.protocol
    until(
        lambda: any(t["final"] and HEARD.search(t["text"]) for t in given("UserTranscript") if isinstance(t, dict)),
        "transcript",
        TURN_TIMEOUT_S,
    )
    until(lambda: given("BotStoppedSpeaking"), "end of the answer", TURN_TIMEOUT_S)
    assert "".join(text["text"] for text in given("BotLlmText") if isinstance(text, dict)).strip()
    statuses = [output["spoken_status"] for output in given("BotOutput") if isinstance(output, dict)]
    if client.major == 2:
        assert statuses[0] == "new"
        assert "completed" in statuses
    assert page.evaluate("takePeak()") > 0.05
    assert not given("Error")
    house.allow(page, *ENDINGS)
    page.evaluate("it.disconnect()")
    until(lambda: given("Disconnected"), "disconnection")
