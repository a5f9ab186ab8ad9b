"""What held an event loop up is named, and nothing that was said."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from rtvi_local.bench.profile import stall_report
from rtvi_local.bench.watched import Stall, read_stalls, watch
from tests.bench.turns import turn


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
    stalls = {stall.what: stall for stall in read_stalls(log)}
    assert stalls["busy"].lasted_ms >= 12
    assert stalls["slow_stage"].lasted_ms >= 15
    assert "secret" not in log.read_text()


async def sleepy_stage() -> None:
    await asyncio.sleep(0)
    time.sleep(0.02)  # noqa: ASYNC251 - what must not happen is what is looked for


def test_who_only_waited_for_a_core_did_not_compute(log: Path) -> None:
    asyncio.run(sleepy_stage())
    # On a busy machine the loop's own steps wait as well.
    stall = next(stall for stall in read_stalls(log) if stall.what == "sleepy_stage" and stall.lasted_ms >= 20)
    assert stall.computed_ms < 20


def test_the_report_sums_up_what_ran_and_lists_the_longest() -> None:
    stalls = [Stall(1000 + 20 * number, 5.0, 1.0, "tick") for number in range(40)] + [Stall(1500, 30.0, 29.0, "resample")]
    lines = stall_report(stalls, turn(450), 1000).splitlines()
    assert lines[0].endswith("answered after 450 ms")
    assert lines[3].split() == ["40", "5.0", "200.0", "40.0", "tick"]
    assert lines[4].split() == ["1", "30.0", "30.0", "29.0", "resample"]
    assert sum(line.split()[-1:] == ["resample"] for line in lines[6:]) == 1
    assert len(lines[7:]) == 30


def test_a_process_that_was_never_held_up_wrote_nothing(tmp_path: Path) -> None:
    assert read_stalls(tmp_path / "stalls.log") == []
