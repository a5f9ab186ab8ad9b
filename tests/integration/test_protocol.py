"""RTVI over real WebRTC, with engines that need no models."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import websockets

from rtvi_local.bench.caller import Caller
from rtvi_local.config import Tools
from rtvi_local.rtvi.chunks import joined
from rtvi_local.rtvi.messages.session import ServerMessage
from rtvi_local.tools.tool import WrittenCall
from tests.integration.fake_world import CONFIG, FakeWorld, fake_engines, fake_server, fake_world
from tests.until import until

LONG = "word " * 60


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(asyncio.ensure_future(story()), 90)

    asyncio.run(bounded())


async def still_talks(world: FakeWorld) -> None:
    since = len(world.caller.messages)
    world.caller.send("send-text", {"content": "Are you there?", "options": {"audio_response": False}})
    await world.caller.wait_for("bot-output", since=since)


def types(world: FakeWorld) -> list[str]:
    return [message.type for message in world.caller.messages]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"label":"rtvi-ai","type":"nonsense","id":"1"}', "Unsupported type nonsense"),
        ('{"label":"rtvi-ai","type":"send-text","id":"1","data":{"content":7}}', "Invalid message"),
        (json.dumps({"label": "rtvi-ai", "type": "client-message", "id": "1", "data": {"t": "nobody"}}), "No handler"),
        (json.dumps({"label": "rtvi-ai", "type": "send-text", "id": "1", "data": {"content": "x" * 70_000}}), "too large"),
    ],
)
def test_what_cannot_be_done_is_refused_under_its_id_and_the_conversation_goes_on(text: str, said: str) -> None:
    async def story() -> None:
        async with fake_world() as world:
            world.caller._channel.send(text)
            answer = await world.answer_to("1")
            assert answer.type == "error-response"
            assert said in answer.data["error"] == answer.data["message"]
            await still_talks(world)

    run(story)


def test_the_same_message_twice_is_done_once() -> None:
    async def story() -> None:
        async with fake_world() as world:
            text = json.dumps(
                {"label": "rtvi-ai", "type": "append-to-context", "id": "1", "data": {"role": "user", "content": "A"}}
            )
            for _ in range(2):
                world.caller._channel.send(text)
            await until(lambda: types(world).count("error-response") == 1)
            assert types(world).count("append-to-context-result") == 1
            assert (await world.ask("client-message", {"t": "context:get"}))["d"]["total"] == 2
            await still_talks(world)

    run(story)


def test_a_client_of_0_x_configures_and_acts() -> None:
    async def story() -> None:
        async with fake_server() as (url, _):

            class OldCaller(Caller):
                def send(self, type: str, data: object = None) -> str:
                    return super().send(type, {} if type == "client-ready" else data)

            async with OldCaller(url) as caller:
                world = FakeWorld(url, None, caller)  # type: ignore[arg-type]
                ready = await caller.wait_for("bot-ready")
                assert ready.data["version"] == "0.3.0"
                config: list[dict[str, Any]] = ready.data["config"]
                assert [service["service"] for service in config][-1] == "llm"
                config = [{"service": "tts", "options": [{"name": "speed", "value": 1.5}]}]
                updated = await world.ask("update-config", {"config": config})
                assert updated["config"] == (await world.ask("get-config"))["config"]
                action = {"service": "llm", "action": "get_context", "arguments": []}
                result = (await world.ask("action", action))["result"]
                assert result["messages"] == [{"role": "system", "content": "Be brief."}]
                assert not any(message.type == "bot-output" for message in caller.messages)

    run(story)


def test_request_data_configures_the_conversation_and_nonsense_in_it_is_refused() -> None:
    async def story() -> None:
        data = {"systemPrompt": "Be a pirate.", "config": {"phrase_endpointing": {"vad_timeout": 250}}}
        async with fake_world(request_data=data) as world:
            config = (await world.ask("client-message", {"t": "config:get"}))["d"]["config"]
            assert config["phrase_endpointing"]["wait_complete_ms"] == 250
            assert config["llm"]["system_prompt"] == "Be a pirate."
            with pytest.raises(ConnectionError, match="There is no service 'tss'"):
                async with fake_world(request_data={"config": {"tss": {}}}):
                    pass

    run(story)


def test_news_too_large_for_a_message_comes_in_chunks() -> None:
    async def story() -> None:
        async with fake_world() as world:
            picture = {"type": "image", "base64": "A" * 200_000}
            world.appliance.opened[0].rtvi.send(ServerMessage(picture))
            await until(lambda: types(world).count("server-message") == 4)
            chunks = [message.data for message in world.caller.messages if message.type == "server-message"]
            assert joined(chunks) == picture

    run(story)


def test_a_spoken_reply_and_a_written_one_are_followed_on_the_screen() -> None:
    async def story() -> None:
        async with fake_world(lambda: fake_engines(replies=["One two three four five.", "Six seven."])) as world:
            world.caller.send("send-text", {"content": "Count."})
            await world.caller.wait_for("bot-stopped-speaking")
            outputs = [message.data for message in world.caller.messages if message.type == "bot-output"]
            assert outputs[0]["spoken_status"] == "new"
            assert outputs[-1]["spoken_status"] == "completed"
            for output in outputs:
                progress = output["spoken_progress"]
                assert progress["accumulated_text"] + progress["remaining_text"] == output["text"]
            spoken = [len(output["spoken_progress"]["accumulated_text"]) for output in outputs]
            assert spoken == sorted(spoken)
            assert len(set(spoken)) >= 4, "word by word"
            since = len(world.caller.messages)
            world.caller.send("send-text", {"content": "Go on.", "options": {"audio_response": False}})
            written = await world.caller.wait_for("bot-output", since=since)
            assert (written.data["text"], written.data["will_be_spoken"]) == ("Six seven.", False)
            assert written.data["segment_id"] > outputs[-1]["segment_id"]

    run(story)


def test_a_dtmf_key_and_an_event_of_the_page_reach_the_model() -> None:
    async def story() -> None:
        async with fake_world() as world:
            world.caller.send("ui-event", {"event": "opened", "payload": "menu"})
            world.caller.send("dtmf", {"buttons": ["1", "#"]})
            text = await world.caller.wait_for("user-llm-text")
            assert text.data["text"] == "(The caller pressed 1 #)"
            context = (await world.ask("client-message", {"t": "context:get", "d": {"first": 1}}))["d"]
            assert context["messages"][0]["content"].startswith('(On the user\'s screen: opened: "menu")')

    run(story)


async def ready(socket: websockets.ClientConnection) -> bytes:
    """The first frame that holds a bot-ready."""
    while True:
        frame = await asyncio.wait_for(socket.recv(), 30)
        data = frame if isinstance(frame, bytes) else frame.encode()
        if b'"bot-ready"' in data:
            return data


def test_connect_tells_a_0_x_client_where_its_socket_is() -> None:
    async def story() -> None:
        async with fake_server() as (url, _), httpx.AsyncClient() as http:
            speed = [{"service": "tts", "options": [{"name": "speed", "value": 1.5}]}]
            data = {"services": {"llm": "local"}, "config": speed, "rtvi_client_version": "0.3.5"}
            answered = await http.post(f"{url}/connect", json=data)
            assert answered.status_code == 200
            assert list(answered.json()) == ["ws_url"]
            assert answered.json()["ws_url"].startswith(f"ws{url.removeprefix('http')}/ws-client")
            async with websockets.connect(answered.json()["ws_url"]) as socket:
                await socket.send(json.dumps({"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": {}}))
                frame = await ready(socket)
                assert b'"version":"0.3.0"' in frame
                assert b'{"name":"speed","value":1.5}' in frame, "what /connect was told is in force"
            refused = await http.post(
                f"{url}/connect", json={"config": [{"service": "x", "options": [{"name": "y", "value": 1}]}]}
            )
            assert refused.status_code == 422
            assert "There is no service 'x'" in refused.json()["detail"]

    run(story)


def action(name: str, **arguments: object) -> dict[str, object]:
    service, _, called = name.partition(":")
    listed = [{"name": key, "value": value} for key, value in arguments.items()]
    return {
        "id": "a",
        "label": "rtvi-ai",
        "type": "action",
        "data": {"service": service, "action": called, "arguments": listed},
    }


def ask(question: str) -> dict[str, object]:
    return action("llm:append_to_messages", messages=[{"role": "user", "content": question}], run_immediately=True)


def events(streamed: httpx.Response) -> list[Any]:
    """What was told in the answer to a POST /action."""
    assert streamed.headers["content-type"].startswith("text/event-stream")
    return [json.loads(base64.b64decode(event.partition(":")[2])) for event in streamed.text.strip().split("\n\n")]


def test_actions_over_http_are_answered_in_json_or_as_a_stream() -> None:
    async def story() -> None:
        engines = fake_engines(replies=["Ahoy there."])
        async with fake_server(lambda: engines) as (url, appliance), httpx.AsyncClient() as http:
            simple = await http.post(f"{url}/action", json={"systemPrompt": "Pirate.", "actions": [action("llm:get_context")]})
            assert simple.headers["content-type"] == "application/json"
            assert (simple.json()["type"], simple.json()["id"]) == ("action-response", "a")
            assert simple.json()["data"]["result"]["messages"] == [{"role": "system", "content": "Pirate."}]
            streamed = await http.post(f"{url}/action", json={"actions": [ask("Greet me.")]})
            told = events(streamed)
            kinds = [event["type"] for event in told]
            assert kinds[0] == "action-response"
            assert (kinds.count("bot-llm-started"), kinds[-1]) == (1, "bot-llm-stopped")
            assert "".join(e["data"]["text"] for e in told if e["type"] == "bot-llm-text") == "Ahoy there."
            await until(lambda: all(conversation._ended is not None for conversation in appliance.opened))

    run(story)


def test_an_answer_over_http_that_needs_a_tool_ends_with_what_is_said_of_the_result() -> None:
    async def story() -> None:
        engines = fake_engines(replies=[[WrittenCall("get_current_time", {})], "It is late."])
        config = replace(CONFIG, tools=Tools(builtin=("get_current_time",)))
        async with fake_server(lambda: engines, config) as (url, _), httpx.AsyncClient() as http:
            answered = await http.post(f"{url}/action", json={"actions": [ask("What time is it?")]})
            told = events(answered)
            assert "".join(each["data"]["text"] for each in told if each["type"] == "bot-llm-text") == "It is late."
            kinds = [each["type"] for each in told]
            assert (kinds.count("bot-llm-started"), kinds[-1]) == (2, "bot-llm-stopped")

    run(story)


def test_an_answer_over_http_ends_with_a_call_that_only_the_client_could_run() -> None:
    async def story() -> None:
        engines = fake_engines(replies=[[WrittenCall("get_weather", {"location": "Oslo"})], "Foggy."])
        tools = [{"name": "get_weather", "description": "The weather", "input_schema": {"type": "object"}}]
        async with fake_server(lambda: engines) as (url, _), httpx.AsyncClient() as http:
            answered = await http.post(f"{url}/action", json={"tools": tools, "actions": [ask("Is it foggy in Oslo?")]})
            told = events(answered)
            assert told[-1]["type"] == "llm-function-call"
            assert told[-1]["data"]["args"] == {"location": "Oslo"}

    run(story)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "`actions`"),
        ([], 400, "an object"),
        ({"actions": [7]}, 400, "`actions`"),
        ({"actions": [action("llm:get_context")], "config": {"x": {"y": 1}}}, 422, "no service 'x'"),
    ],
)
def test_an_action_over_http_that_makes_no_sense_is_refused(body: object, status: int, said: str) -> None:
    async def story() -> None:
        async with fake_server() as (url, _), httpx.AsyncClient() as http:
            refused = await http.post(f"{url}/action", json=body)
            assert refused.status_code == status
            assert said in refused.json()["detail"]

    run(story)


def test_an_unknown_action_over_http_is_answered_as_one_on_the_channel() -> None:
    async def story() -> None:
        async with fake_server() as (url, _), httpx.AsyncClient() as http:
            for wrong in (action("llm:foo"), action("tts:say", text="")):
                answered = await http.post(f"{url}/action", json={"actions": [wrong]})
                assert (answered.json()["type"], answered.json()["id"]) == ("error-response", "a")

    run(story)
