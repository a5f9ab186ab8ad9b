"""A whole conversation with `rtvi-local serve`, and how many packets left meanwhile. `test_offline` runs it in a network
namespace whose only way out is the interface CABLE."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.bench.words import normalised_words
from tests.integration import still_voice
from tests.integration.conversing import Talk, instruments

CABLE = "cable"
QUESTIONS = ("What is the capital of Spain?", "What is the capital of Poland?", "What is the capital of Italy?")
"""Whose answers Whisper seldom hears otherwise: "There are" is "they're" to it, and "France is Paris" is "Francis Paris"."""
ELSEWHERE = ("198.51.100.1", "2001:db8:1::1", "elsewhere.example")
"""Addresses and a name (RFC 5737, RFC 3849, RFC 2606) that are nobody's."""
SERVED_S = 20.0
"""At least: what reports to its makers waits a while before it does (onnxruntime 1.32: ten seconds)."""


def packets_out() -> int:
    """That were sent through the cable so far, whoever sent them and however."""
    (line,) = [line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith(f"{CABLE}:")]
    return int(line.partition(":")[2].split()[9])


def try_to_leave() -> list[int]:
    """How many packets are counted when somebody does try each of ELSEWHERE."""
    counted = []
    for address in ELSEWHERE:
        before = packets_out()
        with suppress(OSError), socket.create_connection((address, 443), timeout=0.2):
            pass
        counted.append(packets_out() - before)
    return counted


async def converse(url: str, models: Path) -> dict[str, object]:
    with instruments(models, still_voice.NAME) as ours:
        async with Caller(url) as caller:
            talk = Talk(ours.voice, ours.whisper, caller)
            replies, heard = [], []
            for question in QUESTIONS:
                began_ms = caller.now_ms()
                replies.append(await talk.ask(question))
                heard += normalised_words(await talk.understand(caller.heard_between(began_ms, caller.now_ms())))
            return {"transcript": " ".join(talk.transcripts()), "replies": replies, "told": talk.told(), "heard": heard}


def main(models: Path) -> None:
    # What is looked at is the cable, not the luck of an answer.
    with ServerProcess(environment=still_voice.environment(models)) as server:
        ready_s = time.monotonic()
        found = asyncio.run(converse(server.url, models))
        time.sleep(max(0.0, ready_s + SERVED_S - time.monotonic()))
    found["left"] = packets_out()
    found["tried"] = try_to_leave()
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
