"""The button that is held while one talks, in a real browser, with a microphone that is never silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LATE_CANDIDATE, BrowserHouse
from tests.browser.fake_appliance import fake_appliance

pytestmark = pytest.mark.browser

SPOKEN_MS = 1500


def test_only_who_holds_the_button_is_heard_and_the_choice_is_remembered(house: BrowserHouse, tone_wav: Path) -> None:
    with fake_appliance(house, heard="Hello there.", replies=["Good day."]) as (url, _):
        page = house.visit(url, microphone=tone_wav)
        page.get_by_role("button", name="Microphone and loudspeaker").click()
        page.get_by_label("Hold a button to talk").check()
        page.get_by_role("button", name="Done").click()
        page.get_by_role("button", name="Start talking").click()
        button = page.get_by_role("button", name="Hold to talk")
        expect(button).to_be_visible()
        expect(page.locator("#state")).to_have_text("Waiting for you")
        page.wait_for_timeout(6000)  # the recording begins 4 s late
        expect(page.locator(".user")).to_have_count(0)
        button.hover()
        page.mouse.down()
        page.wait_for_timeout(SPOKEN_MS)
        expect(page.locator(".user .final")).to_have_text("")
        page.mouse.up()
        expect(page.locator(".user .final")).to_have_text("Hello there.")
        expect(page.locator(".bot p")).to_have_text("Good day.")
        button.focus()
        page.keyboard.down(" ")
        expect(button).to_have_attribute("aria-pressed", "true")
        page.wait_for_timeout(SPOKEN_MS)
        page.keyboard.up(" ")
        expect(page.locator(".user .final")).to_have_text(["Hello there.", "Hello there."])

        house.allow(page, LATE_CANDIDATE)
        page.reload()
        expect(page.get_by_label("Hold a button to talk")).to_be_checked()
        page.get_by_role("button", name="Start talking").click()
        expect(button).to_be_visible()
