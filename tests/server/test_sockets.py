"""The endpoints of conversations over WebSockets: who gets in, what is said to who does not, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from rtvi_local.config import Config, Server
from rtvi_local.files.reading import FileError
from rtvi_local.server.app import create_app
from rtvi_local.server.limits import Limits
from tests.server.appliance import FakeAppliance
from tests.server.live import live
from tests.transports.clients import BrowserClient
from tests.transports.contract import run
from tests.transports.phones import WIRES, Phone
from tests.until import until


class Served:
    def __init__(self, host: str, appliance: FakeAppliance) -> None:
        self.host = host
        self.appliance = appliance

    async def browser(self, path: str = "/ws-client") -> BrowserClient:
        client = BrowserClient()
        await client.open(f"ws://{self.host}{path}")
        return client

    async def post(self, path: str, **request: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self.host}") as http:
            return await http.post(path, **request)


@contextlib.asynccontextmanager
async def served(config: Config | None = None, limits: Limits | None = None, **appliance: Any) -> AsyncIterator[Served]:
    fake, config = FakeAppliance(**appliance), config or Config()
    async with live(create_app(config, fake, limits=limits), config) as host:
        yield Served(host, fake)


def test_a_started_session_brings_its_data_over_the_socket_and_nothing_but_the_url_is_told() -> None:
    async def scenario() -> None:
        async with served() as server:
            answer = (await server.post("/start", json={"transport": "websocket", "body": {"who": "me"}})).json()
            assert set(answer) == {"wsUrl"}
            assert answer["wsUrl"].startswith(f"ws://{server.host}/ws-client?session=")
            client = BrowserClient()
            await client.open(answer["wsUrl"])
            await client.send("hello")
            await until(lambda: client.messages == ["hello"])
            assert server.appliance.opened[0].request_data == {"who": "me"}
            again = BrowserClient()
            await again.open(answer["wsUrl"])
            await until(lambda: again.closed)
            assert again.closed == (4004, "no such session; it may have ended")
            await client.hang_up()

    run(scenario)


def test_a_session_takes_files_over_http_while_its_socket_is_open_and_they_end_with_it() -> None:
    async def scenario() -> None:
        async with served() as server:
            url = (await server.post("/start", json={"transport": "websocket"})).json()["wsUrl"]
            path = f"/sessions/{url.partition('session=')[2]}/files"
            uploads = server.appliance.files.uploads

            async def upload() -> httpx.Response:
                return await server.post(path, files={"file": ("a.txt", b"x")})

            kept = [(await upload()).json()["source"]["url"]]
            client = BrowserClient()
            await client.open(url)
            await until(lambda: server.appliance.opened)
            kept += [(await upload()).json()["source"]["url"] for _ in range(2)]
            assert uploads.take(kept.pop()).data == b"x"
            await client.hang_up()
            await until(lambda: server.appliance.opened[0].closed)
            assert (await upload()).status_code == 404
            for one in kept:
                with pytest.raises(FileError):
                    uploads.take(one)

    run(scenario)


def test_a_session_that_found_no_room_may_be_tried_again() -> None:
    async def scenario() -> None:
        async with served(most=0) as server:
            answer = await server.post("/start", json={"transport": "websocket", "body": {"who": "me"}})
            full = BrowserClient()
            await full.open(answer.json()["wsUrl"])
            await until(lambda: full.closed)
            assert full.closed is not None
            assert full.closed[0] == 1013
            server.appliance.most = 1
            client = BrowserClient()
            await client.open(answer.json()["wsUrl"])
            await until(lambda: server.appliance.opened)
            assert server.appliance.opened[0].request_data == {"who": "me"}
            await client.hang_up()

    run(scenario)


@pytest.mark.parametrize("path", ["/ws-client", "/ws-client/some-token"])
def test_a_client_may_connect_without_having_asked_before(path: str) -> None:
    async def scenario() -> None:
        async with served() as server:
            client = await server.browser(path)
            await client.send("hello")
            await until(lambda: client.messages == ["hello"])
            await client.hang_up()
            await until(lambda: server.appliance.opened[0].closed == ["the client left"])

    run(scenario)


@pytest.mark.parametrize(
    ("appliance", "limits", "why"),
    [
        ({"missing": ["the voice"]}, None, "not ready yet: the voice"),
        ({"most": 0}, None, "0 conversations are going on"),
        ({}, Limits(requests_per_s=0.01, requests_burst=0), "too many requests; try again in"),
    ],
)
def test_who_finds_no_room_is_told_why_in_words_and_in_the_close_code(
    appliance: dict[str, Any], limits: Limits | None, why: str
) -> None:
    async def scenario() -> None:
        async with served(limits=limits, **appliance) as server:
            client = await server.browser()
            await until(lambda: client.closed)
            assert client.closed is not None
            assert client.closed[0] == 1013
            assert client.closed[1].startswith(why)
            error = json.loads(client.messages[0])
            assert (error["type"], error["data"]["fatal"]) == ("error", True)
            assert error["data"]["error"].startswith(why)
            phone = Phone()
            await phone.open(f"ws://{server.host}/ws")
            await until(lambda: phone.closed)
            assert phone.closed is not None
            assert phone.closed[0] == 1013
            assert phone.events == []

    run(scenario)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/ws-client", "/ws-client/token", "/ws"])
def test_a_foreign_page_cannot_talk_to_the_appliance(path: str, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with served() as server:
            with pytest.raises(InvalidStatus) as refused:
                await BrowserClient().open(f"ws://{server.host}{path}", headers)
            assert refused.value.response.status_code == 403
            assert server.appliance.opened == []

    run(scenario)


@pytest.mark.parametrize("provider", list(WIRES))
def test_a_phone_call_is_a_conversation(provider: str) -> None:
    async def scenario() -> None:
        async with served() as server:
            phone = Phone(provider)
            await phone.open(f"ws://{server.host}/ws")
            await until(lambda: server.appliance.opened)
            (conversation,) = server.appliance.opened
            assert conversation.request_data == {"line": "front door"}
            assert conversation.transport.output_sample_rate == 8000
            await phone.hang_up()
            await until(lambda: conversation.closed)

    run(scenario)


def test_a_dial_plan_configures_the_conversation_in_json() -> None:
    async def scenario() -> None:
        async with served() as server:
            phone = Phone()
            phone.start["start"]["customParameters"] = {"config": '{"tts": {"speed": 1.2}}', "system_prompt": "[Be brief.]"}
            await phone.open(f"ws://{server.host}/ws")
            await until(lambda: server.appliance.opened)
            data = server.appliance.opened[0].request_data
            assert data == {"config": {"tts": {"speed": 1.2}}, "system_prompt": "[Be brief.]"}
            await phone.hang_up()

    run(scenario)


@pytest.mark.parametrize(
    ("parameters", "sound", "why"),
    [
        ({"pipeline": "llm, tts"}, {}, "The parameter 'pipeline' must be JSON."),
        ({}, {"encoding": "audio/x-l16"}, "'audio/x-l16' at 8000 Hz would be noise"),
    ],
)
def test_a_call_that_cannot_be_is_hung_up_with_the_reason(
    parameters: dict[str, str], sound: dict[str, str], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with served() as server:
            phone = Phone()
            phone.start["start"]["customParameters"] = parameters
            phone.start["start"]["mediaFormat"] |= sound
            await phone.open(f"ws://{server.host}/ws")
            await until(lambda: phone.closed)
            assert phone.closed is not None
            assert phone.closed[0] == 1008
            assert why in phone.closed[1]
            assert why in caplog.text

    run(scenario)


@pytest.mark.parametrize("provider", list(WIRES))
def test_a_call_that_was_announced_brings_what_it_was_announced_with(provider: str) -> None:
    async def scenario() -> None:
        async with served() as server:
            announced = {"transport": provider, "body": {"who": "me", "line": "back door"}}
            answer = (await server.post("/start", json=announced)).json()
            assert set(answer) == {"wsUrl"}
            assert "?" not in answer["wsUrl"], "Twilio drops it"
            phone = Phone(provider)
            await phone.open(answer["wsUrl"])
            await until(lambda: server.appliance.opened)
            assert server.appliance.opened[0].request_data == {"who": "me", "line": "front door"}
            again = Phone(provider)
            await again.open(answer["wsUrl"])
            await until(lambda: again.closed)
            assert again.closed == (4004, "no such session; it may have ended")
            await phone.hang_up()

    run(scenario)


def test_what_is_no_phone_call_is_told_where_to_go() -> None:
    async def scenario() -> None:
        async with served() as server:
            client = await server.browser("/ws")
            for _ in range(3):
                await client.send('{"label":"rtvi-ai","type":"client-ready"}')
            await until(lambda: client.closed)
            assert client.closed is not None
            assert client.closed[0] == 1008
            assert "/ws-client" in client.closed[1]

    run(scenario)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_twiml_leads_a_call_to_the_socket_under_the_name_that_was_called(method: str) -> None:
    async def scenario() -> None:
        config = Config(server=Server(allowed_origins=("https://kitchen.example",)))
        async with served(config) as server, httpx.AsyncClient(base_url=f"http://{server.host}") as http:
            form = {"CallSid": "CA1", "From": "+15550100"} if method == "POST" else None
            # As a tunnel on this machine forwards it.
            headers = {"Host": "kitchen.example", "X-Forwarded-Proto": "https"}
            answer = await http.request(method, "/twiml", data=form, headers=headers)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("application/xml")
            stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")
            assert stream is not None
            assert stream.get("url") == "wss://kitchen.example/ws"

    run(scenario)


def test_forms_are_taken_there_alone() -> None:
    async def scenario() -> None:
        async with served() as server:
            assert (await server.post("/start", data={"transport": "websocket"})).status_code == 415
            assert (await server.post("/twiml", content=b"x" * 300_000)).status_code == 413

    run(scenario)


def test_when_the_server_stops_everybody_is_told() -> None:
    async def scenario() -> None:
        async with served() as server:
            client, phone = await server.browser(), Phone()
            await phone.open(f"ws://{server.host}/ws")
            await until(lambda: len(server.appliance.opened) == 2)
        await until(lambda: client.closed and phone.closed)
        assert [conversation.closed for conversation in server.appliance.opened] == [["the server is stopping"]] * 2
        assert client.closed is not None
        assert client.closed[0] == 1012

    run(scenario)


def test_what_a_connection_did_is_in_the_metrics() -> None:
    async def scenario() -> None:
        async with served() as server:
            client = await server.browser()
            await client.send("hello")
            await until(lambda: client.messages)
            await client.hang_up()
            async with httpx.AsyncClient(base_url=f"http://{server.host}") as http:
                for _ in range(1000):
                    if 'event="messages_received"} 1.0' in (await http.get("/metrics")).text:
                        return
                    await asyncio.sleep(0.02)
                raise AssertionError("it is not counted")

    run(scenario)
