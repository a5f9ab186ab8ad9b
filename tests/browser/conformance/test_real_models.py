"""The newest client, unmodified, and the real appliance with its models: a recording is heard, understood and answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conformance.table import CLIENTS
from tests.browser.conformance.test_clients import ENDINGS, visit
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import until

pytestmark = [pytest.mark.browser, pytest.mark.models]

NEWEST = CLIENTS[0]
TURN_TIMEOUT_S = 60.0
HEARD = re.compile(r"capital of france", re.IGNORECASE)


def test_it_is_heard_and_answered(house: BrowserHouse, bundles: Path, appliance_url: str, question_wav: Path) -> None:
    source = (bundles / f"{NEWEST.name}.js").read_text(encoding="utf-8")
    page = visit(house, appliance_url, NEWEST.name, source, recording=question_wav)

    def given(name: str) -> list[object]:
        return [event["given"][0] if event["given"] else True for event in page.evaluate("recorded") if event["name"] == name]

    ready = page.evaluate("it.connect()")
    assert re.fullmatch(r"2\.\d+\.\d+", ready["version"])
    until(
        lambda: any(t["final"] and HEARD.search(t["text"]) for t in given("UserTranscript") if isinstance(t, dict)),
        "transcript",
        TURN_TIMEOUT_S,
    )
    until(lambda: given("BotStoppedSpeaking"), "end of the answer", TURN_TIMEOUT_S)
    statuses = [output["spoken_status"] for output in given("BotOutput") if isinstance(output, dict)]
    assert statuses[0] == "new"
    assert "completed" in statuses
    assert page.evaluate("takePeak()") > 0.05
    assert not given("Error")
    house.allow(page, *ENDINGS)
    page.evaluate("it.disconnect()")
    until(lambda: given("Disconnected"), "disconnection")
