"""A sitting that breaks off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from rtvi_local.bench import cli, people, sitting
from rtvi_local.bench.latency import Turn, Utterance
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.cli import INTERRUPTED, USER_ERROR, main
from tests.bench.turns import turn

URL = "http://127.0.0.1:1"


def bench(monkeypatch: pytest.MonkeyPatch, *answered: float, error: BaseException, save: Path, add: bool = False) -> int:
    """`rtvi-local bench` of an appliance that answers these turns, and then this happens."""

    async def questions() -> list[Utterance]:
        return [Utterance("Why is the sky blue?", np.zeros(1, np.int16))]

    async def measure(url: str, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None]) -> None:
        for total_ms in answered:
            on_turn(turn(total_ms))
        raise error

    monkeypatch.setattr(cli, "questions", questions)
    monkeypatch.setattr(sitting, "measure", measure)
    monkeypatch.setattr(sitting, "loop_stalls", lambda *_: {})
    monkeypatch.setenv(people.VARIABLE, "")
    return main(["bench", "--url", URL, "--warm-up", "0", "--save", str(save), *(["--add"] if add else [])])


def totals(save: Path) -> list[float]:
    return [each["total_ms"] for each in json.loads(save.read_text())["latency"]["turns"]]


def test_what_was_measured_before_a_failure_is_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save = tmp_path / "report.json"
    assert bench(monkeypatch, 500, 600, error=ConnectionError("the appliance refused the call"), save=save) == USER_ERROR
    assert "refused the call" in capsys.readouterr().err
    assert totals(save) == [500, 600]
    bench(monkeypatch, 700, error=ConnectionError("again"), save=save, add=True)
    assert totals(save) == [500, 600, 700]


class Line:
    """A call that is never made, and an appliance whose memory tells how many are going on."""

    open = 0

    def __init__(self, url: str) -> None:
        pass

    async def __aenter__(self) -> Line:
        Line.open += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        Line.open -= 1

    def memory_bytes(self) -> int:
        return (1 + Line.open) * 1_000_000


@pytest.mark.parametrize("turns", [1, 3])
def test_the_memory_of_one_conversation_is_measured_before_it_is_hung_up(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    async def converse(caller: object, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None]) -> None:
        await asyncio.sleep(0.01)
        for _ in utterances:
            on_turn(turn(500))

    async def measure(url: str, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None]) -> None:
        async with Line(url) as line:
            await converse(line, utterances, on_turn)

    for name, stand_in in (("Caller", Line), ("converse", converse), ("measure", measure), ("TIDY_S", 0)):
        monkeypatch.setattr(sitting, name, stand_in)
    monkeypatch.setattr(sitting, "loop_stalls", lambda *_: {})
    said, server = [Utterance("Why?", np.zeros(1, np.int16))], cast(ServerProcess, Line(URL))
    report: sitting.Report = {}
    plan = sitting.Plan(turns=turns, warm_up=0, depth=1)
    asyncio.run(sitting._talk(plan, said, URL, report, lambda _: None, server))
    assert len(report["latency"]["turns"]) == turns
    assert report["process"]["memory_mb"] == report["process"]["peak_memory_mb"] == 2, "with one conversation"


def test_what_was_measured_before_control_c_is_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save = tmp_path / "report.json"
    assert bench(monkeypatch, 500, error=KeyboardInterrupt(), save=save) == INTERRUPTED
    assert totals(save) == [500]


def test_a_sitting_that_measured_nothing_overwrites_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save = tmp_path / "report.json"
    save.write_text("{}")
    assert bench(monkeypatch, error=ConnectionError("refused"), save=save) == USER_ERROR
    assert save.read_text() == "{}"
