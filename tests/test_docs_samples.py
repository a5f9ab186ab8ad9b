"""The samples of the documentation, run: what stands behind `>` is sent, and what stands behind `<` must come, in order."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Config, Tools
from rtvi_local.config_sources import load_config
from rtvi_local.engines.fakes import Scripted, ScriptedModel
from rtvi_local.engines.interfaces import Message
from rtvi_local.images.picture import from_rgb
from rtvi_local.tools.tool import WrittenCall
from tests.pipeline.test_configuration import NAMED, shelf
from tests.pipeline.test_conversation import HELLO, Call

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LONGEST_WAIT_MS = 10_000
ID = "$id"
"""In a sample, an id that the appliance chose."""


def samples() -> list[Any]:
    return [pytest.param(kind.strip(), text.splitlines(), id=f"{page}-{number}") for page, number, kind, text in blocks("rtvi")]


def blocks(language: str) -> list[tuple[str, int, str, str]]:
    """Of every page: its name, the block's number, what stands behind the language, and the block."""
    return [
        (page.name, number, block[1], block[2])
        for page in PAGES
        for number, block in enumerate(
            re.finditer(rf"^```{language}([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        )
    ]


def weatherman(messages: Sequence[Message]) -> Scripted:
    """Calls the weather tool when it is asked for the weather, and says what that found out; else says back what it hears."""
    last = messages[-1]
    if last["role"] == "tool":
        return f"It is {last['content']}."
    if "weather" in str(last["content"]):
        return [WrittenCall("get_weather", {"location": "Oslo"})]
    return f"You said: {last['content']}"


def holds(found: Any, wanted: Any) -> bool:
    """Whether everything that the sample shows is there; it leaves out what it does not speak of."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], value) for key, value in wanted.items())
    return bool(found == wanted or (wanted == ID and found))


def caller(kind: str) -> Call:
    """A client of 0.x, one with a camera in front of a model that sees, or a plain one."""
    if kind != "sees":
        model = ScriptedModel(weatherman, first_token_ms=50, token_ms=20)
        return Call(config=NAMED, shelf=shelf(), model=model, hello={} if kind else HELLO)
    model = ScriptedModel([[WrittenCall("get_camera_frame", {})], "I see a red wall."], sees=True)
    call = Call(config=replace(NAMED, tools=Tools(builtin=("get_camera_frame",))), shelf=shelf(), model=model)
    call.transport.pictures["camera"] = from_rgb(np.full((48, 64, 3), (220, 20, 20), np.uint8))
    return call


@pytest.mark.parametrize(("kind", "lines"), samples())
def test_a_sample_does_what_it_shows(kind: str, lines: list[str]) -> None:
    async def story() -> None:
        call = caller(kind)
        seen = len(call.messages)
        call_id = ""

        def find(wanted: Any) -> bool:
            nonlocal seen, call_id
            for position, message in enumerate(call.messages[seen:], seen + 1):
                if holds(message, wanted):
                    seen = position
                    data: Any = message.get("data")
                    call_id = data.get("tool_call_id", call_id) if isinstance(data, dict) else call_id
                    return True
            return False

        for line in lines:
            direction, message = line[0], json.loads(line[2:])
            if direction == ">":
                call.send(message["type"], json.loads(json.dumps(message.get("data")).replace(ID, call_id)))
                continue
            waited_ms = 0
            while not find(message):
                assert waited_ms < LONGEST_WAIT_MS, f"not seen: {line}\nwhat came: {call.messages[seen:]}"
                await call.be_quiet(100)
                waited_ms += 100
        await call.hang_up()

    virtual_clock.run(story())


def test_there_are_samples_of_all_kinds() -> None:
    assert {sample.values[0] for sample in samples()} == {"", "0.x", "sees"}
    assert len(samples()) >= 9


@pytest.mark.parametrize("text", [pytest.param(text, id=f"{page}-{number}") for page, number, _, text in blocks("toml")])
def test_settings_that_a_page_shows_are_settings(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    assert load_config({}, file=tmp_path / "config.toml", environment={}).config != Config()
