"""Pictures from a real browser, whose camera shows Chromium's test pattern: green, with a yellow disc and the time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from rtvi_local.engines.interfaces import Message
from rtvi_local.images.content import image_url, is_image, parts
from rtvi_local.images.picture import Rgb, from_data_url, to_rgb
from rtvi_local.tools.tool import WrittenCall
from tests.browser.conftest import LATE_CANDIDATE, BrowserHouse
from tests.browser.fake_appliance import fake_appliance
from tests.browser.fake_server import until
from tests.browser.test_sdk import RECORD, events, films, is_heard, rejection, sample
from tests.browser.test_sdk import client as sdk_client
from tests.server.test_token import TOKEN, lan

pytestmark = pytest.mark.browser

LOOK = [WrittenCall("get_camera_frame", {})]


def seen_in(message: Message) -> list[Rgb]:
    return [to_rgb(from_data_url(image_url(part))) for part in parts(message["content"]) or () if is_image(part)]


def describing(messages: Sequence[Message]) -> str | list[WrittenCall]:
    """A model that sees: it tells the size and the strongest colour of the picture that it was given, and looks when asked."""
    *_, last = messages
    for pixels in seen_in(last):
        height, width, _ = pixels.shape
        colour = ("red", "green", "blue")[int(pixels.mean((0, 1)).argmax())]
        return f"I see a picture of {width} by {height}, mostly {colour}."
    return f"I was told: {last['content']}" if last["role"] == "tool" else LOOK


def is_the_test_pattern(pixels: Rgb) -> bool:
    """Green, and not of one colour."""
    red, green, blue = pixels.mean((0, 1))
    return bool(green > red + 20 and green > blue + 20 and pixels.std() > 20)


def png(colour: tuple[int, int, int], width: int, height: int, noise: bool = False) -> bytes:
    pixels = np.full((height, width, 3), colour, np.uint8)
    if noise:
        pixels //= 2
        pixels += np.random.default_rng(1).integers(0, 40, pixels.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def ask(page: Page) -> None:
    """As soon as the sample has begun."""
    until(lambda: page.evaluate("() => voiceClient.sendText('What do you see?').then(() => true, () => false)"), "the bot")


def test_the_founding_documents_camera_sample_sees(house: BrowserHouse, silence: Path) -> None:
    with fake_appliance(house, replies=describing, sees=True) as (url, appliance):
        page = sample(house, url, "camera.html", microphone=silence, init_script=RECORD)
        # The appliance does not wait long for a picture.
        until(lambda: films(page), "frames of the camera")
        ask(page)
        until(lambda: is_heard(page), "sound of the answer")
        (pixels,) = seen_in(appliance.model.prompts[-1][-1])
        assert is_the_test_pattern(pixels)
        assert min(pixels.shape[:2]) >= 180
        assert "mostly green" in str(describing(appliance.model.prompts[-1]))


def test_a_model_without_eyes_says_so_instead_of_inventing(house: BrowserHouse, silence: Path) -> None:
    with fake_appliance(house, replies=describing, sees=False) as (url, appliance):
        page = sample(house, url, "camera.html", microphone=silence)
        ask(page)
        until(lambda: is_heard(page), "sound of the answer")
        assert "You cannot see" in str(appliance.model.prompts[-1][-1]["content"])


def test_the_sdk_sends_files_and_is_given_pictures(house: BrowserHouse) -> None:
    with fake_appliance(house, replies=describing, sees=True) as (url, appliance):
        page = sdk_client(house, url, "enableCamera: true, useBuiltinTools: ['get_camera_frame']", init_script=RECORD)
        page.evaluate("() => made.start()")
        until(lambda: films(page), "frames of the camera")
        page.evaluate("() => made.sendText('What do you see?')")
        (shown,) = until(lambda: events(page, "picture"), "the picture")
        assert shown[0]["source"] == "camera"
        small, large = png((200, 20, 20), 30, 20), png((20, 20, 200), 400, 300, noise=True)
        assert len(large) > 64_000
        for data, size, colour in ((small, (30, 20), 0), (large, (400, 300), 2)):
            made = f"new File([Uint8Array.from({list(data)})], 'a.png', {{type: 'image/png'}})"
            page.evaluate(f"() => made.sendFile({made}, {{text: 'What is it?', audioResponse: false}})")
            (pixels,) = until(lambda: seen_in(appliance.model.prompts[-1][-1]), "the file")
            until(lambda s=size: seen_in(appliance.model.prompts[-1][-1])[0].shape[1::-1] == s, "this file")  # type: ignore[misc]
            assert int(seen_in(appliance.model.prompts[-1][-1])[0].mean((0, 1)).argmax()) == colour
            del pixels
        made = "new File([new Uint8Array(9)], 'a.pdf', {type: 'application/pdf'})"
        page.evaluate(f"() => made.sendFile({made})")
        (refusal,) = until(lambda: events(page, "fileRefused"), "the refusal")
        assert "a.pdf (application/pdf) cannot be read" in refusal[0]


@pytest.mark.parametrize(
    "brings", [f"token: '{TOKEN}'", f"baseUrl: `${{baseUrl}}/?token={TOKEN}`"], ids=["as an option", "in the address"]
)
def test_the_sdk_brings_its_token_with_all_that_it_asks_for(house: BrowserHouse, brings: str) -> None:
    with fake_appliance(house, replies=describing, sees=True, lan=lan()) as (url, appliance):
        page = sdk_client(house, url, brings, serve_sdk=True, allowed_errors=["401"])
        page.evaluate("() => made.start()")
        data = png((20, 20, 200), 400, 300, noise=True)
        made = f"new File([Uint8Array.from({list(data)})], 'a.png', {{type: 'image/png'}})"
        page.evaluate(f"() => made.sendFile({made}, {{audioResponse: false}})")
        until(lambda: appliance.model.prompts and seen_in(appliance.model.prompts[-1][-1]), "the uploaded picture")
        page.evaluate("() => make({})")
        assert rejection(page, "made.start()").endswith("(HTTP 401)")


def typed(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Your message")
    box.fill(text)
    box.press("Enter")


def test_the_page_shows_its_camera_and_what_the_assistant_saw(house: BrowserHouse, silence: Path) -> None:
    with fake_appliance(house, replies=describing, sees=True, builtin=["get_camera_frame"]) as (url, _):
        page = house.visit(url, microphone=silence, init_script=RECORD)
        page.get_by_role("button", name="Start talking").click()
        camera = page.get_by_role("button", name="Camera")
        expect(camera).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#self")).to_be_hidden()
        camera.click()
        expect(page.locator("#self")).to_be_visible()
        until(lambda: films(page), "frames of the camera")
        typed(page, "What do you see?")
        picture = page.locator(".bot.file img")
        expect(picture).to_be_visible()
        until(lambda: picture.evaluate("(image) => image.naturalWidth") >= 320, "the picture, decoded")
        expect(page.locator(".bot p").last).to_contain_text("mostly green")
        expect(page.locator("#state")).to_have_text("Listening")
        camera.click()
        expect(page.locator("#self")).to_be_hidden()
        typed(page, "And now?")
        expect(page.locator(".bot p").last).to_contain_text("camera is switched off")
        camera.click()
        house.allow(page, LATE_CANDIDATE)
        page.get_by_role("button", name="End", exact=True).click()
        expect(page.locator("#self")).to_be_hidden()


def test_the_page_has_no_camera_button_for_a_model_without_eyes(house: BrowserHouse) -> None:
    with fake_appliance(house) as (url, _):
        page = house.visit(url)
        page.get_by_role("button", name="Type instead").click()
        expect(page.get_by_role("button", name="Send a picture or a text file")).to_be_visible()
        expect(page.locator("#camera")).to_be_hidden()


def test_the_page_sends_files_and_says_which_it_cannot(house: BrowserHouse, tmp_path: Path) -> None:
    with fake_appliance(house, replies=describing, sees=True) as (url, appliance):
        page = house.visit(url)
        page.get_by_role("button", name="Type instead").click()
        picture, text, other = tmp_path / "wall.png", tmp_path / "notes.txt", tmp_path / "paper.pdf"
        picture.write_bytes(png((200, 20, 20), 400, 300, noise=True))
        text.write_text("Milk, bread.")
        other.write_bytes(b"%PDF-1.7\x00")
        page.get_by_role("textbox", name="Your message").fill("What is it?")
        page.locator("#file").set_input_files(picture)
        expect(page.locator(".user.file img")).to_be_visible()
        expect(page.locator(".bot p").last).to_have_text("I see a picture of 400 by 300, mostly red.")
        asked = parts(appliance.model.prompts[-1][-1]["content"])
        assert asked is not None
        assert asked[-1] == {"type": "text", "text": "What is it?"}
        page.locator("#file").set_input_files(other)
        expect(page.locator("#problem p")).to_have_text(
            "paper.pdf (application/pdf) cannot be read: pictures (JPEG, PNG, WebP, GIF) and files of plain text can."
        )
        page.locator("#file").set_input_files(text)
        until(lambda: "Milk, bread." in str(appliance.model.prompts[-1][-1]["content"]), "the text")
        expect(page.locator("#problem")).to_be_hidden()
