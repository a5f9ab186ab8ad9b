"""MCP servers: a real process, written with the official package."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rtvi_local.engines.fakes import ScriptedModel
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


@pytest.mark.parametrize("command", ["/does/not/exist", f"{shlex.quote(sys.executable)} -c 'exit(1)'"])
def test_a_command_that_is_no_server_is_refused_by_name(command: str) -> None:
    async def run() -> None:
        with pytest.raises(ToolError) as refused:
            await McpServer(command).start()
        assert command in str(refused.value)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_command_line_must_be_one() -> None:
    with pytest.raises(ToolError, match="no command line"):
        McpServer("python 'unfinished")
    with pytest.raises(ToolError, match="empty"):
        McpServer("  ")
