"""Takes the picture of the page for the README: `python -m tests.browser.picture docs/page.png`. The bot is scripted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import FakeServer


def transcription(text: str) -> dict[str, Any]:
    return {"text": text, "final": True, "timestamp": "2026-01-01T00:00:00.000+00:00", "user_id": ""}


def output(text: str, said: str, segment: int) -> dict[str, Any]:
    progress = {"accumulated_text": said, "remaining_text": text[len(said) :]}
    return {
        "text": text,
        "segment_id": segment,
        "will_be_spoken": True,
        "spoken_status": "in-progress",
        "spoken_progress": progress,
    }


def take(path: Path) -> None:
    server = FakeServer()
    server.start()
    with sync_playwright() as playwright:
        house = BrowserHouse(playwright)
        page = house.visit(server.url, width=1200, height=720)
        page.get_by_role("button", name="Start talking").click()
        expect(page.locator("#state")).to_have_text("Listening")
        server.send("user-transcription", transcription("What is the weather usually like in Lisbon in May?"))
        first, second = "Usually mild and sunny.", "Expect about twenty degrees in the afternoon."
        server.send("bot-output", output(first, first, 1))
        server.send("bot-output", output(second, second, 2))
        server.send("user-transcription", transcription("And should I take a jacket for the evenings?"))
        server.send("bot-started-speaking")
        server.send("bot-output", output("Yes, take a light one: it gets windy by the river.", "Yes, take a light one:", 3))
        server.sound(True)
        # The orb needs to swell, and the colours to have faded over.
        page.wait_for_timeout(1500)
        page.screenshot(path=path)
        house.close()
    server.stop()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
