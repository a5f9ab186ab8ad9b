"""A browser, a recording as its microphone, and the real appliance: heard, understood and answered by voice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LATE_CANDIDATE, BrowserHouse
from tests.browser.fake_server import until

pytestmark = [pytest.mark.browser, pytest.mark.models]

TURN_TIMEOUT_S = 60.0
HEARD = re.compile(r"capital of france", re.IGNORECASE)
LOUDEST = """
    window.loudest = 0;
    const look = () => {
      loudest = Math.max(loudest, Number(document.querySelector("#orb")?.style.getPropertyValue("--bot")) || 0);
      requestAnimationFrame(look);
    };
    look();
"""
"""How far the orb has moved with the bot's voice: a short answer is easily over between two looks."""


def test_the_bundled_page_is_heard_and_answered(house: BrowserHouse, appliance_url: str, question_wav: Path) -> None:
    page = house.visit(appliance_url, microphone=question_wav, init_script=LOUDEST)
    page.get_by_role("button", name="Start talking").click()
    expect(page.locator("#state")).to_have_text("Listening", timeout=60_000)
    expect(page.locator(".user .final").first).to_have_text(HEARD, timeout=TURN_TIMEOUT_S * 1000)
    expect(page.locator(".bot p").first).to_have_text(re.compile(r"\w"), timeout=TURN_TIMEOUT_S * 1000)
    until(lambda: page.evaluate("loudest") > 0.3, "sound of the answer", TURN_TIMEOUT_S)
    expect(page.locator("#latency")).to_contain_text("Answered in")
    # Nothing is left unsaid once the answer is over.
    expect(page.locator("#state")).to_have_text("Listening", timeout=TURN_TIMEOUT_S * 1000)
    expect(page.locator(".bot .unsaid").first).to_have_text("")
    house.allow(page, LATE_CANDIDATE)
    page.get_by_role("button", name="End", exact=True).click()
    expect(page.locator("#state")).to_have_text("Ready when you are")


def test_typed_text_is_answered(house: BrowserHouse, appliance_url: str) -> None:
    page = house.visit(appliance_url, permission=False)
    page.get_by_role("button", name="Type instead").click()
    box = page.get_by_role("textbox", name="Your message")
    box.fill("Say hello.")
    box.press("Enter")
    expect(page.locator(".bot p").first).to_have_text(re.compile(r"\w"), timeout=TURN_TIMEOUT_S * 1000)
