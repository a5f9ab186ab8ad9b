"""A language model of the user's own, from a file to a conversation with it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.cli import main
from tests.conftest import DEFAULT_MODELS

pytestmark = pytest.mark.models

PREFERRED = ("smollm2-135m", "qwen2.5-coder-0.5b")
"""The first that is installed is copied: the smaller, the sooner."""
NAME = "a-model-of-mine"


def test_a_gguf_that_was_added_is_talked_with_by_its_name(models_directory: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in DEFAULT_MODELS:
        (models / name).symlink_to(models_directory / name)
    folder = next(models_directory / name for name in PREFERRED if (models_directory / name).is_dir())
    mine = shutil.copy(next(folder.glob("*.gguf")), tmp_path / "Mine.gguf")
    assert main(["models", "add", str(mine), "--name", NAME, "--directory", str(models)]) == 0
    Path(mine).unlink()  # it was copied, and is not needed any more

    async def story(url: str) -> None:
        async with Caller(url) as caller:
            caller.send("client-message", {"t": "configure", "d": {}})
            config = (await caller.wait_for("server-response")).data["d"]["config"]
            assert config["llm"]["model"] == NAME
            caller.send("send-text", {"content": "Say hello.", "options": {"audio_response": False}})
            await caller.wait_for("bot-llm-stopped", timeout_s=60)
            reply = "".join(message.data["text"] for message in caller.messages if message.type == "bot-llm-text")
            assert reply.strip()

    environment = {
        "RTVI_LOCAL_MODELS_DIRECTORY": str(models),
        "RTVI_LOCAL_MODELS_LLM": NAME,
        "RTVI_LOCAL_LLM_TEMPERATURE": "0",
    }
    with ServerProcess(environment=environment) as server:
        asyncio.run(asyncio.wait_for(story(server.url), 90))
