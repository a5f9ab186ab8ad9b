"""A whole conversation in a process that reports every address it tried to reach. `test_offline` runs it without a network."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from rtvi_local.transports.webrtc_addresses import is_loopback
from tests.integration.world import world

attempts: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: Python reports every look-up and every connection here, whichever library makes it."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            attempts.append(f"{event} {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
        if host and not is_loopback(host.decode() if isinstance(host, bytes) else str(host)):
            attempts.append(f"{event} {host}")


async def converse(models: Path) -> dict[str, object]:
    async with world(models) as w:
        began_ms = w.caller.now_ms()
        reply = await w.ask("What is the capital of France?")
        heard = await w.understand(w.caller.heard_between(began_ms, w.caller.now_ms()))
        return {"transcripts": w.transcripts(), "reply": reply, "heard": heard, "attempts": attempts}


if __name__ == "__main__":
    sys.addaudithook(watch)
    result = asyncio.run(converse(Path(sys.argv[1])))
    sys.stdout.write("\n" + json.dumps(result) + "\n")
