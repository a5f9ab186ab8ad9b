"""`rtvi-local serve` as a process with real models: a signal ends it in good order."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rtvi_local.bench.server_process import ChildProcess, ServerProcess, free_port
from tests.transports.clients import BrowserClient
from tests.until import until

pytestmark = pytest.mark.models

MCP_SERVER = "from mcp.server import MCPServer; MCPServer('idle', log_level='ERROR').run('stdio')"
"""It offers nothing: tools would be read at the start, which takes longer than all else here."""
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
STOPPED_S = 20
"""What systemd/rtvi-local.service gives it."""


@BOTH
def test_a_signal_ends_it_in_good_order(number: signal.Signals, models_directory: Path, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    # The file is written when the MCP server has ended by itself, as it does when its input ends.
    server = f"{shlex.join([sys.executable, '-c', MCP_SERVER])}; touch {shlex.quote(str(ended))}"
    config = tmp_path / "config.toml"
    config.write_text(f"[tools]\nmcp_servers = [{_quoted(shlex.join(['sh', '-c', server]))}]\n")
    environment = {"RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory)}

    async def converse_until_it_stops(serving: ServerProcess) -> tuple[int, str] | None:
        client = BrowserClient()
        await client.open(f"ws://127.0.0.1:{serving.port}/ws-client")
        await client.send('{"label":"rtvi-ai","type":"client-ready","id":"1","data":{"version":"1.2.0"}}')
        await until(lambda: any("bot-ready" in message for message in client.messages))
        serving.process.send_signal(number)
        await until(lambda: client.closed, STOPPED_S)
        return client.closed

    with ServerProcess(["--config", str(config)], environment=environment) as serving:
        told = asyncio.run(converse_until_it_stops(serving))
        assert serving.process.wait(STOPPED_S) == 0, serving.output()
        assert ended.exists(), "the MCP server was left behind"
    assert told is not None
    assert told[0] == 1012, "the client was not told that the service stops"
    for engine in ("whisper-base", "piper-en_US-joe-medium", "qwen2.5-coder-0.5b"):
        assert f"{engine} is no longer used and was freed" in serving.output()
    assert serving.output().rstrip().endswith("stopped")


@BOTH
def test_a_signal_while_models_are_loading_is_no_failure(number: signal.Signals, models_directory: Path) -> None:
    with ServerProcess(environment={"RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory)}, ready="/livez") as serving:
        serving.process.send_signal(number)
        assert serving.process.wait(STOPPED_S) == 0, serving.output()
    assert "ready: open" not in serving.output(), "the models were there already"
    assert "Traceback" not in serving.output()


FOR_EVER = """
import sys, time
from rtvi_local.cli import main
from rtvi_local.engines.whisper import Whisper

def load(*arguments, **options):
    print("loading for ever", flush=True)
    time.sleep(600)

Whisper.load = load
sys.exit(main())
"""
"""`rtvi-local` with a Whisper that takes as long to load as the largest ones on a slow disk."""


@BOTH
def test_a_signal_does_not_wait_for_a_model_that_loads_for_minutes(number: signal.Signals, models_directory: Path) -> None:
    port = str(free_port())
    command = [sys.executable, "-c", FOR_EVER, "serve", "--port", port]
    environment = {"RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory)}
    with ChildProcess("rtvi-local serve", command, f"http://127.0.0.1:{port}", "/livez", environment) as serving:
        asyncio.run(until(lambda: "loading for ever" in serving.output()))
        serving.process.send_signal(number)
        assert serving.process.wait(STOPPED_S) == 0, serving.output()
    assert "Traceback" not in serving.output()
    assert serving.output().rstrip().endswith("stopped while models were loading")


def test_ctrl_c_does_not_wait_for_it_in_the_terminal_either(models_directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOR_EVER, "talk", "--text"],
        env={**os.environ, "RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as talking:
        assert talking.stdout is not None
        try:
            assert talking.stdout.readline() == "Loading the models …\n"
            assert talking.stdout.readline() == "loading for ever\n"
            talking.send_signal(signal.SIGINT)
            assert talking.wait(STOPPED_S) == 0
            assert talking.stdout.read() == "\n"
        finally:
            talking.kill()


def _quoted(text: str) -> str:
    """As a basic string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
