from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from rtvi_local import __version__
from rtvi_local.cli import main
from rtvi_local.config import Config
from rtvi_local.config_sources import load_config
from rtvi_local.engines.interfaces import EngineError

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RTVI_LOCAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("rtvi_local.config_sources._default_file", lambda system_file: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Config], int]], None]:
    """Put this function in the place of the server's `serve`."""

    def put(serve: Callable[[Config], int]) -> None:
        module = types.ModuleType("rtvi_local.server.run")
        module.__dict__["serve"] = serve
        monkeypatch.setitem(sys.modules, "rtvi_local.server.run", module)
        monkeypatch.setattr("rtvi_local.logging_setup.set_up_logging", lambda level: None)

    return put


def test_serve_is_given_the_settings_and_its_result_is_the_exit_code(
    server: Callable[[Callable[[Config], int]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Config] = []

    def serve(config: Config) -> int:
        seen.append(config)
        return 7

    server(serve)
    monkeypatch.setenv("RTVI_LOCAL_SERVER_HOST", "::1")
    assert main(["serve", "--port", "1234", "--device", "cpu"]) == 7
    assert (seen[0].server.host, seen[0].server.port, seen[0].models.device) == ("::1", 1234, "cpu")


def test_an_expected_error_is_one_message_and_exit_code_2(
    server: Callable[[Callable[[Config], int]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(config: Config) -> int:
        raise EngineError("whisper-base is damaged; run rtvi-local models pull")

    server(serve)
    assert main(["serve"]) == 2
    assert capsys.readouterr() == ("", "rtvi-local: whisper-base is damaged; run rtvi-local models pull\n")


def test_control_c_is_quiet(server: Callable[[Callable[[Config], int]], None], capsys: pytest.CaptureFixture[str]) -> None:
    def serve(config: Config) -> int:
        raise KeyboardInterrupt

    server(serve)
    assert main(["serve"]) == 130
    assert capsys.readouterr() == ("", "")


def test_wrong_settings_are_listed_and_exit_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "x", "--preset", "huge"]) == 2
    error = capsys.readouterr().err
    assert "--port: server.port is 'x'" in error
    assert "--preset: models.preset is 'huge'" in error


def test_print_config_can_be_given_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--print-config", "--port", "99"]) == 0
    file = tmp_path / "config.toml"
    file.write_text(capsys.readouterr().out)
    assert load_config({}, file=file, environment={}).config.server.port == 99
    assert main(["serve", "--print-config", "--config", str(file)]) == 0
    assert f"port = 99  # {file}:" in capsys.readouterr().out


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rtvi_local", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_and_help_are_printed_by_python_m_too() -> None:
    assert run("--version").stdout == f"rtvi-local {__version__}\n"
    assert {"serve", "models", "doctor", "bench"} <= set(run("--help").stdout.split())


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from rtvi_local.cli import _parser; _parser().format_help(); print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {"numpy", "ctranslate2", "llama_cpp", "onnxruntime", "aiortc", "starlette", "httpx", "platformdirs"}
    assert not loaded & heavy


def test_help_answers_in_less_than_a_third_of_a_second_more_than_python_itself_needs() -> None:
    def computed_s() -> float:
        """By all processes so far that were waited for: what else the machine does is not in it."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def fastest(*command: str) -> float:
        times = []
        for _ in range(5):
            before_s = computed_s()
            subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, timeout=60, check=True)
            times.append(computed_s() - before_s)
        return min(times)

    assert fastest("-m", "rtvi_local", "--help") - fastest("-c", "") < 0.3


def test_a_reader_who_stops_early_is_no_error() -> None:
    command = f"{sys.executable} -m rtvi_local serve --print-config | true"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, env={"PATH": "/bin"}, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""


def test_doctor_reports_wrong_settings_instead_of_stopping_at_them() -> None:
    done = run("doctor", "--json", "--port", "x")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert not report["can_serve"]
    assert any(f["level"] == "problem" and "server.port is 'x'" in f["text"] for f in report["findings"])
