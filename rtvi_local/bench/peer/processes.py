"""The peer's two processes: a llama.cpp server, and the bot that uses it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.bench.server_process import ChildProcess, free_port
from rtvi_local.config import Llm
from rtvi_local.hardware import count_cores

BOT = Path(__file__).with_name("bot.py")


@dataclass(frozen=True, slots=True)
class Peer:
    """What the bot is asked to use; the same files as the appliance."""

    python: Path
    whisper: Path
    gguf: Path
    voice: Path

    def start(self, stack: ExitStack) -> tuple[ChildProcess, ChildProcess]:
        """Start both and stop them with the stack; returns the bot and its model server. Raises ServerFailed."""
        settings, cores = Llm(), str(count_cores())
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        # No `--cache`: its copies of the state cost more than they save, and the model keeps the last prompt's prefix anyway.
        options = ["--n_ctx", str(settings.context_tokens), "--n_threads", cores, "--flash_attn", "true", "--verbose", "false"]
        command = [str(self.python), "-m", "llama_cpp.server", "--model", str(self.gguf), "--port", str(port), *options]
        models = stack.enter_context(ChildProcess("llama_cpp.server", command, url, "/v1/models", {}))
        port = free_port()
        asked = {
            "port": port,
            "whisper": str(self.whisper),
            "voice": str(self.voice),
            "llm_url": f"{url}/v1",
            "system_prompt": settings.system_prompt,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        command = [str(self.python), str(BOT), json.dumps(asked)]
        environment = {"OMP_NUM_THREADS": cores, "HF_HUB_OFFLINE": "1"}
        bot = stack.enter_context(ChildProcess("the peer", command, f"http://127.0.0.1:{port}", "/readyz", environment))
        return bot, models
