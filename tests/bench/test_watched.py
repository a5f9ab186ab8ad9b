"""What held an event loop up is named, and nothing that was said."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from rtvi_local.bench.watched import read_stalls, watch


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(asyncio.Handle, "_run", asyncio.Handle._run)  # put back at the end
    watch(tmp_path / "stalls.log")
    return tmp_path / "stalls.log"


def busy(ms: float, words: str) -> None:
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        pass


async def slow_stage(words: str) -> None:
    await asyncio.sleep(0)
    busy(15, words)


def test_a_slow_step_of_a_task_and_a_slow_callback_are_named(log: Path) -> None:
    async def conversation() -> None:
        asyncio.get_running_loop().call_soon(busy, 12, "a secret")
        await asyncio.create_task(slow_stage("a secret"))

    asyncio.run(conversation())
    stalls = {stall.what: stall.lasted_ms for stall in read_stalls(log)}
    assert stalls["busy"] >= 12
    assert stalls["slow_stage"] >= 15
    assert "secret" not in log.read_text()


def test_a_process_that_was_never_held_up_wrote_nothing(tmp_path: Path) -> None:
    assert read_stalls(tmp_path / "stalls.log") == []
