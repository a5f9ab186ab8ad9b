"""The bubbles of the official React components, against the real server."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from rtvi_local.engines.fakes import ToneVoice
from tests.browser.conformance.talk import REPLIES, Client, Talk, answer
from tests.browser.conformance.test_clients import visit
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_appliance import fake_appliance
from tests.browser.fake_server import until

pytestmark = pytest.mark.browser

REACT = Client(
    "react-1.8", "client-js 1.13.1, client-react 1.8.2, small-webrtc-transport 1.10.8", "POST /start, offer", "2.2.0"
)
FILLING = """() => new Promise((done) => {
    const seen = [];
    const look = () => {
      const bubble = [...document.querySelectorAll("[data-role=assistant]")].at(-1);
      const spoken = bubble ? [...bubble.querySelectorAll("b")].map((b) => b.textContent).join("") : "";
      if (spoken !== seen.at(-1)) seen.push(spoken);
    };
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
    window.filled = () => seen;
    done();
})"""


def test_bubbles_open_fill_and_close(house: BrowserHouse, bundles: Path) -> None:
    source = (bundles / f"{REACT.name}.js").read_text(encoding="utf-8")
    with fake_appliance(house, replies=answer) as (url, appliance):
        appliance.voice = ToneVoice(character_ms=25)
        page = visit(house, url, REACT.name, source)
        talk = Talk(REACT, page, appliance, source)
        assert talk.do("connect")["version"] == "2.2.0"
        page.evaluate(FILLING)
        talk.ask("How are you?")
        expect(bubble(page, "user")).to_have_text("How are you?")
        expect(bubble(page, "assistant")).to_have_attribute("data-final", "false")
        filled = until(lambda: filled_with(page, REPLIES["How are you?"]), "the whole answer")
        assert len(filled) >= 5, f"word by word: {filled}"
        assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(filled)), filled
        # The components close a bubble some seconds after its last word.
        expect(bubble(page, "assistant")).to_have_attribute("data-final", "true")
        expect(bubble(page, "user")).to_have_attribute("data-final", "true")

        talk.ask("Tell me a story.")
        until(lambda: len(page.evaluate("filled()").pop()) > 60, "part of the story")
        talk.ask("How are you?")
        expect(page.locator("[data-role=assistant]")).to_have_count(3)
        cut = page.locator("[data-role=assistant]").nth(1)
        expect(cut).to_have_attribute("data-final", "true")
        assert cut.locator("i").last.inner_text(), "what was not said stays marked as such"
        expect(bubble(page, "user")).to_have_text("How are you?")
        expect(page.locator("[data-role=user]")).to_have_count(3)
        talk.do("write", "In writing.", {"audio_response": False})
        expect(bubble(page, "assistant")).to_contain_text("You said: In writing.")


def filled_with(page: Page, text: str) -> list[str]:
    """What the newest bubble has shown as spoken, from its first word to this text; nothing if it is not there yet."""
    filled: list[str] = page.evaluate("filled()")
    return filled if filled[-1:] == [text] else []


def bubble(page: Page, role: str) -> Locator:
    """The newest one of the user or the assistant."""
    return page.locator(f"[data-role={role}]").last
