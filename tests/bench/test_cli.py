"""What `rtvi-local bench` asks of its arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.cli import interleaved
from rtvi_local.bench.latency import Utterance
from rtvi_local.cli import USER_ERROR, main


def named(*names: str) -> list[Utterance]:
    return [Utterance(name, np.zeros(1, np.int16)) for name in names]


def test_recordings_and_questions_take_turns_and_none_is_lost() -> None:
    mixed = interleaved(named("r1", "r2"), named("q1", "q2", "q3", "q4"))
    assert [utterance.name for utterance in mixed] == ["r1", "q1", "r2", "q2", "q3", "q4"]
    assert [utterance.name for utterance in interleaved([], named("q1"))] == ["q1"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--idle", "1", "--url", "http://127.0.0.1:1"], "--idle"),
        (["--add"], "--save"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == USER_ERROR
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_no_report_is_not_added_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    file.write_text("{")
    assert main(["bench", "--add", "--save", str(file)]) == USER_ERROR
    assert "no report" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--questions", "-1"], ["--depth", "0"], ["--conversations", "1,x"]])
def test_impossible_numbers_are_wrong_usage(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", *wrong])
