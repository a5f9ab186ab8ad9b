"""The samples of docs/transports.md, tried on the real server."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import websockets

from rtvi_local.config import Config, Server
from rtvi_local.server.app import create_app
from tests.integration.fake_world import fake_server
from tests.server.appliance import FakeAppliance
from tests.server.live import live

PAGE = (Path(__file__).parents[2] / "docs" / "transports.md").read_text(encoding="utf-8")


def test_a_message_as_text_is_answered_as_text() -> None:
    (sample,) = re.findall(r"^    (\{.*\})$", PAGE, re.M)

    async def story() -> None:
        async with fake_server() as (url, _), websockets.connect(f"{url.replace('http', 'ws')}/ws-client") as socket:
            await socket.send(sample)
            answer = await asyncio.wait_for(socket.recv(), 30)
            assert isinstance(answer, str)
            ready, sent = json.loads(answer), json.loads(sample)
            assert (ready["type"], ready["id"]) == ("bot-ready", sent["id"])
            assert ready["data"]["version"].startswith("2.")

    asyncio.run(story())


def test_start_answers_with_what_the_page_says_and_nothing_else() -> None:
    asked, key = re.findall(r"`POST /start` with `(\{.*?\})` answers `\{\"(\w+)\": …\}` and nothing else", PAGE)[0]

    async def story() -> None:
        async with fake_server() as (url, _), httpx.AsyncClient(base_url=url) as http:
            assert set((await http.post("/start", json=json.loads(asked))).json()) == {key}

    asyncio.run(story())


def test_twiml_is_as_shown() -> None:
    (shown,) = re.findall(r"^```xml\n(.*?)^```", PAGE, re.M | re.S)
    (origin, host) = re.findall(r"`\"(https://([\w.]+))\"`", PAGE)[0]

    async def story() -> None:
        config = Config(server=Server(allowed_origins=(origin,)))
        async with live(create_app(config, FakeAppliance()), config) as served, httpx.AsyncClient() as http:
            headers = {"Host": host, "X-Forwarded-Proto": "https"}
            answer = await http.post(f"http://{served}/twiml", headers=headers)
            assert answer.text.partition("?>")[2].strip() == shown.strip()

    asyncio.run(story())
