from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from rtvi_local import doctor
from rtvi_local.accelerators import Accelerator
from rtvi_local.config import Config, Models, Server
from rtvi_local.doctor import Finding, Report, examine, model_states
from rtvi_local.hardware import Hardware
from rtvi_local.model_store import ModelStore, open_store

CPU = Accelerator("cpu", "no CUDA device")
MACHINE = Hardware(
    cores=2,
    memory_bytes=8_000_000_000,
    free_memory_bytes=4_000_000_000,
    architecture="x86_64",
    cpu_features=frozenset({"AVX2"}),
    accelerators={"ctranslate2": CPU, "llama.cpp": CPU, "onnxruntime": CPU},
)


class EverythingInstalled(ModelStore):
    """A store whose files are taken to be there and right."""

    def path(self, name: str) -> Path:
        return self.directory / name


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_machine(monkeypatch, MACHINE)
    manifest = open_store(tmp_path).manifest
    monkeypatch.setattr(doctor, "open_store", lambda directory: EverythingInstalled(tmp_path, manifest))


def set_machine(monkeypatch: pytest.MonkeyPatch, machine: Hardware) -> None:
    monkeypatch.setattr(doctor, "find_hardware", lambda: machine)


def found(report: Report, topic: str) -> Finding:
    (finding,) = (finding for finding in report.findings if finding.topic == topic)
    return finding


def on_a_free_port() -> Config:
    return Config(server=Server(port=0))


def test_a_machine_with_everything_can_serve_and_is_told_what_runs_where() -> None:
    report = examine(on_a_free_port())
    assert not report.prevents_serving
    assert found(report, "runs").text.startswith("whisper-base on CPU int8, 2 threads; qwen2.5-coder-0.5b on CPU")
    assert "2 cores to use, x86_64, AVX2" in report.as_text()
    assert report.as_text().endswith("rtvi-local serve can start.\n")


def test_a_missing_model_prevents_serving_and_the_command_that_fetches_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = open_store(tmp_path)
    monkeypatch.setattr(doctor, "open_store", lambda directory: store)
    report = examine(on_a_free_port())
    assert report.prevents_serving
    assert "rtvi-local models pull qwen2.5-coder-0.5b" in found(report, "model llm").text
    assert "BAD   model llm" in report.as_text()


def test_a_model_that_nobody_knows_is_a_problem_of_the_settings(tmp_path: Path) -> None:
    states, unknown = model_states(open_store(tmp_path), Models(stt="wisper-base"))
    assert states == ()
    assert "no model named 'wisper-base'" in unknown[0]
    assert examine(Config(server=Server(port=0), models=Models(stt="wisper-base"))).prevents_serving


def test_a_port_in_use_prevents_serving_and_a_free_one_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        report = examine(Config(server=Server(port=port)))
        assert report.prevents_serving
        assert found(report, "port").text == f"127.0.0.1 port {port} is in use"
    assert found(examine(Config(server=Server(port=port))), "port").level == "ok"


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "::", "no.such.host.invalid"])
def test_an_address_that_others_can_reach_prevents_serving(host: str) -> None:
    assert found(examine(Config(server=Server(host=host, port=0))), "port").fix.startswith("use --host 127.0.0.1, or --lan")


def test_cuda_on_a_machine_without_it_prevents_serving() -> None:
    report = examine(Config(server=Server(port=0), models=Models(device="cuda")))
    assert found(report, "runs").level == "problem"
    assert report.plan is None
    assert json.loads(report.as_json())["plan"] is None


def test_a_library_that_does_not_load_prevents_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Accelerator("cpu", "the library does not load: libgomp.so.1", loads=False)
    set_machine(monkeypatch, replace(MACHINE, accelerators={**MACHINE.accelerators, "llama.cpp": broken}))
    assert found(examine(on_a_free_port()), "llama.cpp").level == "problem"


def test_too_little_memory_prevents_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    set_machine(monkeypatch, replace(MACHINE, free_memory_bytes=300_000_000))
    report = examine(on_a_free_port())
    assert found(report, "memory").level == "problem"
    assert "--preset tiny" in found(report, "memory").fix


def test_wrong_settings_prevent_serving() -> None:
    report = examine(on_a_free_port(), config_problems=["--port: server.port is 'x'"])
    assert report.prevents_serving
    assert found(report, "settings").text == "--port: server.port is 'x'"


def test_the_microphone_over_http_is_explained() -> None:
    assert "--lan" in found(examine(Config()), "microphone").fix


def test_json_holds_the_same_as_the_text() -> None:
    report = examine(on_a_free_port())
    data = json.loads(report.as_json())
    assert data["can_serve"] is True
    assert data["hardware"]["cores"] == 2
    assert data["plan"]["stt"] == {"device": "cpu", "compute_type": "int8", "threads": 2}
    assert [finding["text"] for finding in data["findings"]] == [finding.text for finding in report.findings]
