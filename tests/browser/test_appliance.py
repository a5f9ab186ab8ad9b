"""A browser, a recording as its microphone, and the real appliance: heard, understood and answered by voice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import until

pytestmark = [pytest.mark.browser, pytest.mark.models]

BARE_CLIENT = Path(__file__).parent / "bare_client" / "dist"
TURN_TIMEOUT_S = 60.0
HEARD = re.compile(r"capital of france", re.IGNORECASE)


def test_the_bundled_page_is_heard_and_answered(house: BrowserHouse, appliance_url: str, question_wav: Path) -> None:
    page = house.visit(appliance_url, microphone=question_wav)
    page.get_by_role("button", name="Start talking").click()
    expect(page.locator("#state")).to_have_text("Listening", timeout=20_000)
    expect(page.locator(".user .final").first).to_have_text(HEARD, timeout=TURN_TIMEOUT_S * 1000)
    expect(page.locator(".bot p").first).to_have_text(re.compile(r"\w"), timeout=TURN_TIMEOUT_S * 1000)
    loud = "Number(document.querySelector('#orb').style.getPropertyValue('--bot')) > 0.3"
    until(lambda: page.evaluate(loud), "sound of the answer", TURN_TIMEOUT_S)
    expect(page.locator("#latency")).to_contain_text("Answered in")
    # Nothing is left unsaid once the answer is over.
    expect(page.locator("#state")).to_have_text("Listening", timeout=TURN_TIMEOUT_S * 1000)
    expect(page.locator(".bot .unsaid").first).to_have_text("")
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.locator("#state")).to_have_text("Ready when you are")


def test_typed_text_is_answered(house: BrowserHouse, appliance_url: str) -> None:
    page = house.visit(appliance_url, permission=False)
    page.get_by_role("button", name="Type instead").click()
    box = page.get_by_role("textbox", name="Your message")
    box.fill("Say hello.")
    box.press("Enter")
    expect(page.locator(".bot p").first).to_have_text(re.compile(r"\w"), timeout=TURN_TIMEOUT_S * 1000)


def test_the_unmodified_client_is_heard_and_answered(house: BrowserHouse, appliance_url: str, question_wav: Path) -> None:
    # Served as if by the appliance: a page from another origin would rightly be refused.
    page = house.visit(appliance_url, microphone=question_wav, go=False)
    page.route("**/bare-client/**", serve_bare_client)
    page.goto(urljoin(appliance_url, "bare-client/index.html"))
    page.get_by_role("button", name="Connect", exact=True).click()
    ready = until(lambda: recorded(page, "botReady"), "bot-ready", TURN_TIMEOUT_S)
    assert re.fullmatch(r"2\.\d+\.\d+", ready[0]["version"])
    until(
        lambda: any(t["final"] and HEARD.search(t["text"]) for t in recorded(page, "userTranscript")),
        "transcript",
        TURN_TIMEOUT_S,
    )
    until(lambda: recorded(page, "botStoppedSpeaking", with_data=False), "end of the answer", TURN_TIMEOUT_S)
    outputs = recorded(page, "botOutput")
    assert outputs[0]["spoken_status"] == "new"
    assert any(output["spoken_status"] == "completed" for output in outputs)
    assert page.evaluate("window.peak") > 0.05
    assert not recorded(page, "error")
    page.get_by_role("button", name="Disconnect").click()
    until(lambda: recorded(page, "disconnected", with_data=False), "disconnection")


def serve_bare_client(route: Route) -> None:
    route.fulfill(path=BARE_CLIENT / Path(urlsplit(route.request.url).path).name)


def recorded(page: Page, type: str, *, with_data: bool = True) -> list[Any]:
    """What the client reported of that type so far: its data, or for events without any, the events."""
    events = [event for event in page.evaluate("window.recorded") if event["type"] == type]
    return [event["data"] for event in events] if with_data else events
