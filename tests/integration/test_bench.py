"""`rtvi-local bench` as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtvi_local.bench.latency import CAPTURE, END_HEARD, NETWORK
from rtvi_local.bench.report import WATERFALL

pytestmark = pytest.mark.models

TINY = ("smollm2-135m", "whisper-tiny.en")


def test_two_turns_are_measured_and_their_parts_add_up(models_directory: Path, tmp_path: Path) -> None:
    preset = "tiny" if all((models_directory / name).is_dir() for name in TINY) else "laptop"
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
