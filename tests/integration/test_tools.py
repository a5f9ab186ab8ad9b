"""Tools by voice, with real models over real WebRTC: the figures that are promised."""

from __future__ import annotations

import asyncio
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rtvi_local.bench.tools import measure, table
from rtvi_local.config import Config, Tools
from tests.integration.world import without_chance, world

pytestmark = pytest.mark.models


def test_the_weather_is_called_for_and_told_and_small_talk_is_left_alone(still_models: Path) -> None:
    """Always the same questions and answers: how often chance spoils one is for the bench to measure."""

    async def story() -> None:
        async with world(still_models, without_chance) as w:
            outcomes = await measure(w.url, w.voice, ("weather", "talk"), print)
        told = table(outcomes)
        assert sum(outcome.good for outcome in outcomes if outcome.wanted) >= 9, told
        assert sum(bool(outcome.called) for outcome in outcomes if not outcome.wanted) <= 1, told

    asyncio.run(story())


def test_the_time_and_the_tools_of_an_mcp_server_are_there_for_every_conversation(still_models: Path) -> None:
    command = shlex.join([sys.executable, str(Path(__file__).parents[1] / "tools" / "mcp_server.py")])

    def with_tools(config: Config) -> Config:
        return replace(without_chance(config), tools=Tools(builtin=("get_current_time",), mcp_servers=(command,)))

    async def story() -> None:
        async with world(still_models, with_tools) as w:
            answer = await w.ask("What is the weather in Boston?")
            assert "64" in answer and "foggy" in answer.lower(), answer
            since = len(w.caller.messages)
            answer = await w.ask("What time is it now?")
            assert [m for m in w.caller.messages[since:] if m.type == "llm-function-call-in-progress"], answer
            (result,) = [m for m in w.prompts[-1] if m["role"] == "tool"][-1:]
            assert "foggy" in str(result["content"]), "the first call and its result are remembered"

    asyncio.run(story())
