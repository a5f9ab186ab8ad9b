"""`rtvi-local bench` as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rtvi_local.bench.latency import CAPTURE, END_HEARD, NETWORK
from rtvi_local.bench.report import WATERFALL
from rtvi_local.cli import INTERRUPTED, USER_ERROR

pytestmark = pytest.mark.models

ENDS_WITHIN_S = 20
TINY = ("smollm2-135m", "whisper-tiny.en")


def smallest(models_directory: Path) -> str:
    return "tiny" if all((models_directory / name).is_dir() for name in TINY) else "laptop"


def test_two_turns_are_measured_and_their_parts_add_up(models_directory: Path, tmp_path: Path) -> None:
    preset = smallest(models_directory)
    saved = tmp_path / "report.json"
    arguments = ["--questions", "2", "--warm-up", "0", "--preset", preset, "--json", "--save", str(saved)]
    run = subprocess.run(
        [sys.executable, "-m", "rtvi_local", "bench", *arguments],
        # Nothing at all is among what the small model may answer.
        env={**os.environ, "RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory), "RTVI_LOCAL_LLM_TEMPERATURE": "0"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report == json.loads(saved.read_text())
    assert {"version", "arguments", "machine", "process", "latency"} <= report.keys()
    assert report["arguments"] == ["--preset", preset, "--device", "auto"]
    assert report["process"].keys() >= {"ready_s", "loop_stall_p99_ms", "answering_stall_p99_ms", "peak_memory_mb", "memory_mb"}
    latency = report["latency"]
    assert latency["counts"]["turns"] == 2
    counted = [turn for turn in latency["turns"] if turn["total_ms"] is not None and not turn["into_pause"]]
    assert len(counted) == latency["counts"]["counted"] > 0
    assert latency["late"]["answers"] == len(counted), "of each it is known whether the voice was late"
    for turn in counted:
        assert {CAPTURE, END_HEARD, NETWORK, "first_token"} <= turn["parts"].keys() <= set(WATERFALL)
        assert abs(sum(turn["parts"].values()) - turn["total_ms"]) < 5
        assert turn["transcript"]
        assert turn["reply"]
    # Two clocks agree on when an answer left and came: else something is not accounted for, in each of them. A busy machine may
    # hold one of them up.
    assert min(abs(turn["parts"][NETWORK]) for turn in counted) < 40
    for spread in latency["summary"].values():
        assert spread["median"] <= spread["p90"]


@pytest.mark.parametrize(
    ("signalled", "code"), [(False, USER_ERROR), (True, INTERRUPTED)], ids=["its appliance dies", "and it is told to end"]
)
def test_scenes_end_soon_without_their_appliance(models_directory: Path, tmp_path: Path, signalled: bool, code: int) -> None:
    saved = tmp_path / "turns.json"
    arguments = ["--turns", "answers", "--smart-turn", "on", "--preset", smallest(models_directory), "--save", str(saved)]
    with subprocess.Popen(
        [sys.executable, "-m", "rtvi_local", "bench", *arguments],
        env={**os.environ, "RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory)},
        stderr=subprocess.PIPE,
        text=True,
    ) as bench:
        assert bench.stderr is not None
        try:
            assert any("1 of 24" in line for line in bench.stderr), "no scene was played"
            (appliance,) = Path(f"/proc/{bench.pid}/task/{bench.pid}/children").read_text().split()
            os.kill(int(appliance), signal.SIGKILL)
            if signalled:
                bench.terminate()
            _, said = bench.communicate(timeout=ENDS_WITHIN_S)
            assert bench.returncode == code
        finally:
            bench.kill()
    assert "Traceback" not in said
    assert signalled or "rtvi-local serve ended with exit code -9" in said
    assert json.loads(saved.read_text())["kinds"]["answers"], "what was observed is kept"
