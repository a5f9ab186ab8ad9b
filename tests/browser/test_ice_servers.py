"""STUN and TURN servers reach the browser's peer connection, and none does where none is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from rtvi_local.config import WebRtc
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_appliance import fake_appliance
from tests.browser.fake_server import until
from tests.browser.test_page import start
from tests.browser.test_sdk import RECORD, sample

pytestmark = pytest.mark.browser

# Over TCP to a port where nobody listens: the server, which tries it too, is refused at once.
URL = "turn:127.0.0.1:9?transport=tcp"
SETTINGS = WebRtc(ice_servers=(URL,), turn_username="me", turn_credential="secret")
TOLD = [{"credential": "secret", "urls": [URL], "username": "me"}]


def servers(page: Page) -> object:
    """Of the newest peer connection. The first only looks whether there can be one."""
    configurations = "peers.map(peer => JSON.parse(JSON.stringify(peer.getConfiguration().iceServers)))"
    return until(lambda: page.evaluate(f"peers.length > 1 && {configurations}"), "peer connection")[-1]


@pytest.mark.parametrize(("settings", "told"), [(SETTINGS, TOLD), (WebRtc(), [])], ids=["turn", "none"])
def test_the_page_uses_the_servers_of_the_settings(house: BrowserHouse, silence: Path, settings: WebRtc, told: object) -> None:
    with fake_appliance(house, webrtc=settings) as (url, _):
        page = house.visit(url, init_script=RECORD, microphone=silence)
        start(page)
        assert servers(page) == told


@pytest.mark.parametrize(("settings", "told"), [(SETTINGS, TOLD), (WebRtc(), [])], ids=["turn", "none"])
def test_the_sdk_uses_the_servers_of_the_settings(house: BrowserHouse, settings: WebRtc, told: object) -> None:
    with fake_appliance(house, webrtc=settings) as (url, appliance):
        page = sample(house, url, "hello.html", init_script=RECORD)
        until(lambda: appliance.opened, "conversation")
        assert servers(page) == told
