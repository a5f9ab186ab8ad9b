"""The samples of the documentation, run: what stands behind `>` is sent, and what stands behind `<` must come, in order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rtvi_local import virtual_clock
from tests.pipeline.test_configuration import NAMED, shelf
from tests.pipeline.test_conversation import HELLO, Call

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("configuration.md", "context.md", "text.md")
LONGEST_WAIT_MS = 10_000


def samples() -> list[Any]:
    return [
        pytest.param(bool(sample[1]), sample[2].splitlines(), id=f"{page}-{number}")
        for page in PAGES
        for number, sample in enumerate(re.finditer(r"^```rtvi( 0\.x)?\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S))
    ]


def holds(found: Any, wanted: Any) -> bool:
    """Whether everything that the sample shows is there; it leaves out what it does not speak of."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], value) for key, value in wanted.items())
    return bool(found == wanted)


@pytest.mark.parametrize(("is_0_x", "lines"), samples())
def test_a_sample_does_what_it_shows(is_0_x: bool, lines: list[str]) -> None:
    async def story() -> None:
        call = Call(config=NAMED, shelf=shelf(), hello={} if is_0_x else HELLO)
        seen = len(call.messages)

        def find(wanted: Any) -> bool:
            nonlocal seen
            for position, message in enumerate(call.messages[seen:], seen + 1):
                if holds(message, wanted):
                    seen = position
                    return True
            return False

        for line in lines:
            direction, message = line[0], json.loads(line[2:])
            if direction == ">":
                call.send(message["type"], message.get("data"))
                continue
            waited_ms = 0
            while not find(message):
                assert waited_ms < LONGEST_WAIT_MS, f"not seen: {line}\nwhat came: {call.messages[seen:]}"
                await call.be_quiet(100)
                waited_ms += 100
        await call.hang_up()

    virtual_clock.run(story())


def test_there_are_samples_of_both_kinds() -> None:
    assert {sample.values[0] for sample in samples()} == {True, False}
    assert len(samples()) >= 9
