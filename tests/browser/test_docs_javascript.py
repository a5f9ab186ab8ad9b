"""The JavaScript of the documentation, as it stands there, in a page of the appliance's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conformance.talk import WEATHER, answer
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_appliance import fake_appliance
from tests.browser.fake_server import until
from tests.browser.test_camera import describing, is_the_test_pattern, seen_in
from tests.browser.test_sdk import RECORD, films

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[2] / "docs"
CLIENTS = Path(__file__).parent / "conformance" / "clients"
PAGE = """<!doctype html><html lang="en"><title>A sample</title>
<script type="importmap">{"imports": {"@realtime-ai/voice-sdk": "/sdk/voice-client.js"}}</script>
<script type="module">
import { VoiceClient } from "@realtime-ai/voice-sdk";
%s
voiceClient.start().then(() => { window.begun = voiceClient; });
</script></html>"""


def block(page: str, language: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8").partition(f"```{language}\n")[2].partition("```")[0]


def run(house: BrowserHouse, url: str, page_of_docs: str, microphone: Path) -> Page:
    """The page with its sample, when that has begun."""
    source = PAGE % block(page_of_docs, "javascript").replace("http://localhost:7860", url.rstrip("/"))
    page = house.visit(url, go=False, microphone=microphone, init_script=RECORD)
    page.route("**/sample.html", lambda route: route.fulfill(content_type="text/html", body=source))
    page.goto(f"{url}sample.html")
    until(lambda: page.evaluate("'begun' in window"), "beginning")
    return page


def test_the_tool_of_the_page_on_tools_is_called_and_its_result_told(house: BrowserHouse, silence: Path) -> None:
    with fake_appliance(house, replies=answer) as (url, appliance):
        page = run(house, url, "tools.md", silence)
        page.evaluate("(text) => begun.sendText(text, {audioResponse: false})", WEATHER)
        until(lambda: appliance.model.prompts and appliance.model.prompts[-1][-1]["role"] == "tool", "the tool's result")
        assert appliance.model.prompts[-1][-1]["content"] == "64 degrees and foggy in Oslo"


def test_the_camera_of_the_page_on_pictures_is_looked_through(house: BrowserHouse, silence: Path) -> None:
    with fake_appliance(house, replies=describing, sees=True) as (url, appliance):
        page = run(house, url, "images.md", silence)
        until(lambda: films(page), "frames of the camera")
        page.evaluate("() => begun.sendText('What do you see?', {audioResponse: false})")
        until(lambda: appliance.model.prompts and seen_in(appliance.model.prompts[-1][-1]), "the picture")
        (pixels,) = seen_in(appliance.model.prompts[-1][-1])
        assert is_the_test_pattern(pixels)


def test_the_transports_of_the_page_on_clients_are_made_as_the_conformance_run_makes_them() -> None:
    tried = "\n".join(path.read_text(encoding="utf-8") for path in CLIENTS.glob("*/main.js")).replace("16_000", "16000")
    # There it is derived from, so that a camera and a screen can be shown.
    tried = tried.replace("new MediaManager()", "new WavMediaManager()")
    lines = block("clients.md", "js").splitlines()
    assert lines
    assert [line for line in lines if line not in tried] == []
