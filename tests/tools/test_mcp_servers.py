"""MCP servers: a real process, written with the official package."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.images.content import image_url, parts
from rtvi_local.images.picture import from_data_url, to_rgb
from rtvi_local.images.results import UNSEEN
from rtvi_local.tools.mcp_servers import McpServer
from rtvi_local.tools.tool import ToolError, WrittenCall
from tests.pipeline.test_conversation import Call

COMMAND = shlex.join([sys.executable, str(Path(__file__).parent / "mcp_server.py")])


def with_server(story: Callable[[McpServer], Awaitable[None]]) -> None:
    async def run() -> None:
        server = McpServer(COMMAND)
        await server.start()
        try:
            await story(server)
        finally:
            await server.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_its_tools_are_listed_with_their_schemas_and_run() -> None:
    async def story(server: McpServer) -> None:
        tools = {tool.name: (tool, run) for tool, run in server.tools}
        tool, run = tools["get_weather"]
        assert tool.description == "Get the current weather in a given location"
        assert tool.parameters["required"] == ["location"]
        assert await run({"location": "Rome"}) == "64 degrees and foggy in Rome"

    with_server(story)


def test_a_conversation_uses_them_like_any_tool() -> None:
    async def story(server: McpServer) -> None:
        model = ScriptedModel([[WrittenCall("get_weather", {"location": "Rome"})], "Foggy."])
        call = Call(model=model, served_tools=server.tools)
        call.send("send-text", {"content": "What is the weather in Rome?", "options": {"audio_response": False}})
        while len(model.prompts) < 2:  # noqa: ASYNC110 (with_server sets the limit)
            await asyncio.sleep(0.02)
        assert model.prompts[1][-1]["content"] == "64 degrees and foggy in Rome"
        assert "function_name" not in call.news("llm-function-call-in-progress")[0], "the client is not to run it"
        await call.hang_up()

    with_server(story)


async def told_about(server: McpServer, call: WrittenCall, *, sees: bool) -> object:
    """What the model is told of what came of the call."""
    model = ScriptedModel([[call], "Look at that."], sees=sees)
    conversation = Call(model=model, served_tools=server.tools)
    conversation.send("send-text", {"content": "Show me the sales of May.", "options": {"audio_response": False}})
    while len(model.prompts) < 2:  # noqa: ASYNC110 (with_server sets the limit)
        await asyncio.sleep(0.02)
    await conversation.hang_up()
    (shown,) = conversation.news("server-message") or [None]
    assert (shown is None) == (call.name == "get_broken_picture"), "what the model is told of, the client is shown"
    assert shown is None or (shown["type"], shown["source"]) == ("image", "get_chart")
    return model.prompts[1][-1]["content"]


def test_a_picture_in_a_result_is_shown_to_a_model_that_sees_as_small_as_all_pictures() -> None:
    async def story(server: McpServer) -> None:
        words, picture = parts(await told_about(server, WrittenCall("get_chart", {"month": "May"}), sees=True)) or [{}, {}]
        assert words == {"type": "text", "text": "The sales of May:"}
        assert image_url(picture).startswith("data:image/jpeg;base64,")
        pixels = to_rgb(from_data_url(image_url(picture)))
        assert pixels.shape == (672, 896, 3)
        assert int(pixels.mean((0, 1)).argmax()) == 2, "blue"

    with_server(story)


def test_a_model_without_eyes_is_told_that_there_is_a_picture_and_what_was_said_besides() -> None:
    async def story(server: McpServer) -> None:
        told = await told_about(server, WrittenCall("get_chart", {"month": "May"}), sees=False)
        assert told == f"The sales of May:\n{UNSEEN}"

    with_server(story)


def test_a_picture_that_is_none_is_said_to_be_damaged() -> None:
    async def story(server: McpServer) -> None:
        (told,) = parts(await told_about(server, WrittenCall("get_broken_picture", {}), sees=True)) or [{}]
        assert "cannot be shown: This is not a picture" in str(told["text"])

    with_server(story)


def test_a_tool_that_fails_says_why() -> None:
    async def story(server: McpServer) -> None:
        tools = {tool.name: run for tool, run in server.tools}
        with pytest.raises(ToolError, match="the sensor is broken"):
            await tools["fail"]({})

    with_server(story)


def test_a_server_that_died_is_started_anew_by_the_next_call() -> None:
    async def story(server: McpServer) -> None:
        tools = {tool.name: run for tool, run in server.tools}
        with pytest.raises(ToolError):
            await tools["die"]({})
        assert await tools["get_weather"]({"location": "Rome"}) == "64 degrees and foggy in Rome"

    with_server(story)


@pytest.mark.parametrize("program", ["/does/not/exist", sys.executable])
def test_a_command_that_is_no_server_is_refused_by_name_without_its_secrets(program: str) -> None:
    async def run() -> None:
        with pytest.raises(ToolError) as refused:
            await McpServer(f"{shlex.quote(program)} -c 'exit(1)' --token s3cret").start()
        assert program in str(refused.value)
        assert "s3cret" not in str(refused.value)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_command_line_must_be_one() -> None:
    with pytest.raises(ToolError, match=r"'python …' is no command line \(No closing quotation\)"):
        McpServer("python 'unfinished s3cret")
    with pytest.raises(ToolError, match="empty"):
        McpServer("  ")
