"""`python -m rtvi_local.bench.llm MODEL_FOLDER`: what the language model engine does on this machine.

Beside each figure stands that of `llama_cpp.Llama`, the library's own high-level class, on the same file in the same run;
turns of both sides alternate, because machines are shared and ratios are all that lasts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtvi_local.config import DEFAULT_SYSTEM_PROMPT
from rtvi_local.engines.interfaces import Message
from rtvi_local.engines.llama import LlamaModel, LlamaSession
from rtvi_local.engines.llama_loading import find_gguf
from rtvi_local.engines.llama_recode import find_recoded

QUESTIONS = (
    "What is the capital of France?",
    "And which river flows through it?",
    "Tell me something nice about that city in the spring.",
    "What should I eat there?",
    "How long does it take from London by train?",
    "Which museum would you visit first?",
    "Is it better to walk or to take the bus?",
    "What is a good present to bring home?",
)
REPLY_TOKENS = 24


@dataclass
class Row:
    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    library: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name:<58}{_summary(self.ours):>18}{_summary(self.library):>18}  {self.unit}"


def _summary(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.median(values):.1f} / {max(values):.1f}"


class Conversation:
    """The same talk on both sides; every answer goes into the history as it came."""

    def __init__(self, person: str) -> None:
        """`person` makes it another conversation: the engine would recognise and share the same words from the other one."""
        self.messages: list[Message] = [
            {"role": "system", "content": DEFAULT_SYSTEM_PROMPT},
            {"role": "user", "content": f"Hello, my name is {person}."},
            {"role": "assistant", "content": f"Hello {person}!"},
        ]

    def ask(self, question: str) -> None:
        self.messages.append({"role": "user", "content": question})

    def answered(self, text: str) -> None:
        self.messages.append({"role": "assistant", "content": text})


async def timed_reply(session: LlamaSession, conversation: Conversation) -> tuple[float, float]:
    """Milliseconds to the first text, and tokens (pieces) per second after it."""
    started_s = time.perf_counter()
    pieces: list[str] = []
    first_s = started_s
    async for piece in session.reply(conversation.messages, max_tokens=REPLY_TOKENS, temperature=0):
        if not pieces:
            first_s = time.perf_counter()
        pieces.append(piece)
    conversation.answered("".join(pieces))
    return (first_s - started_s) * 1000, (len(pieces) - 1) / max(1e-9, time.perf_counter() - first_s)


def timed_library_reply(llama: Any, conversation: Conversation) -> tuple[float, float]:
    started_s = time.perf_counter()
    first_s, pieces = started_s, list[str]()
    for piece in _library_pieces(llama, conversation.messages):
        if not pieces:
            first_s = time.perf_counter()
        pieces.append(piece)
    conversation.answered("".join(pieces))
    return (first_s - started_s) * 1000, (len(pieces) - 1) / max(1e-9, time.perf_counter() - first_s)


def _library_pieces(llama: Any, messages: list[Message]) -> Iterator[str]:
    for chunk in llama.create_chat_completion(messages, max_tokens=REPLY_TOKENS, temperature=0.0, stream=True):
        if text := chunk["choices"][0]["delta"].get("content"):
            yield text


async def measure(model: LlamaModel, llama: Any) -> list[Row]:
    await model.preload(Conversation("").messages[:1])
    first, ahead, speed = (
        Row("first text, one conversation", "ms"),
        Row("first text, all but the last word read while it was spoken", "ms"),
        Row("speed of a reply", "tokens/s"),
    )
    alternating = Row("first text, two conversations in turns", "ms")
    ours, read_ahead, theirs = Conversation("Anna"), Conversation("Bert"), Conversation("Anna")
    session, session_ahead = model.open_session(), model.open_session()
    for question in QUESTIONS:
        for conversation in (ours, read_ahead, theirs):
            conversation.ask(question)
        first_ms, tokens_per_s = await timed_reply(session, ours)
        first.ours.append(first_ms)
        speed.ours.append(tokens_per_s)
        await session_ahead.prefill([*read_ahead.messages[:-1], {"role": "user", "content": question.rsplit(" ", 1)[0]}])
        ahead.ours.append((await timed_reply(session_ahead, read_ahead))[0])
        first_ms, tokens_per_s = timed_library_reply(llama, theirs)
        first.library.append(first_ms)
        speed.library.append(tokens_per_s)
    other, their_other = read_ahead, Conversation("Bert")
    for question in QUESTIONS[:4]:
        for conversation in (ours, other):
            conversation.ask(question)
            place = session if conversation is ours else session_ahead
            alternating.ours.append((await timed_reply(place, conversation))[0])
        for conversation in (theirs, their_other):
            conversation.ask(question)
            alternating.library.append(timed_library_reply(llama, conversation)[0])
    rows = [first, ahead, alternating, speed, *await measure_cancel(model, session, ours), await measure_idle()]
    session.close()
    session_ahead.close()
    return rows


async def measure_cancel(model: LlamaModel, session: LlamaSession, conversation: Conversation) -> list[Row]:
    """From closing the iterator (or cancelling the task) until the engine's thread has nothing to do; and the event loop's
    longest stall meanwhile."""
    reply_row, prompt_row = (
        Row("cores free after a cancel in mid-reply", "ms"),
        Row("cores free after a cancel in mid-prompt", "ms"),
    )
    stalls = Row("longest stall of the event loop while it works", "ms")
    conversation.ask("Count from one to one hundred.")
    for turn in range(8):
        watch = asyncio.create_task(_watch_stalls(stalls))
        reply = session.reply(conversation.messages, max_tokens=100, temperature=0)
        for _ in range(3 + turn):
            await reply.__anext__()
        cancelled_s = time.perf_counter()
        await reply.aclose()
        reply_row.ours.append(await _idle_ms(model, cancelled_s))
        text = f"Number {turn}. " + "I like apples and pears and plums. " * 60
        task = asyncio.create_task(session.prefill([{"role": "user", "content": text}]))
        await asyncio.sleep(0.15 + turn * 0.013)
        cancelled_s = time.perf_counter()
        task.cancel()
        prompt_row.ours.append(await _idle_ms(model, cancelled_s))
        watch.cancel()
    return [reply_row, prompt_row, stalls]


async def _idle_ms(model: LlamaModel, since_s: float) -> float:
    while model.stats.idle_since_s is None:  # noqa: ASYNC110 (the engine's thread counts; it knows no event of asyncio)
        await asyncio.sleep(0.001)
    return (model.stats.idle_since_s - since_s) * 1000


async def _watch_stalls(row: Row) -> None:
    row.ours.append(0.0)
    while True:
        before_s = time.perf_counter()
        await asyncio.sleep(0.001)
        row.ours[-1] = max(row.ours[-1], (time.perf_counter() - before_s) * 1000 - 1)


async def measure_idle() -> Row:
    row = Row("CPU of the loaded, resting engine", "% of a core")
    await asyncio.sleep(0.2)
    for _ in range(3):
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        await asyncio.sleep(0.7)
        row.ours.append(100 * (time.process_time() - cpu_s) / (time.perf_counter() - wall_s))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder that holds the .gguf file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--context-tokens", type=int, default=4096)
    parser.add_argument("--original", action="store_true", help="the weights as they came, even if there is a faster copy")
    arguments = parser.parse_args()
    started_s = time.perf_counter()
    model = LlamaModel.load(
        arguments.model,
        device="cpu",
        threads=arguments.threads,
        context_tokens=arguments.context_tokens,
        sessions=4,
        recoded=not arguments.original,
    )
    loaded_s = time.perf_counter() - started_s
    import llama_cpp

    path = find_gguf(arguments.model)
    faster = None if arguments.original else find_recoded(path)
    path = faster or path
    llama: Any = llama_cpp.Llama(
        str(path),
        n_ctx=arguments.context_tokens,
        n_threads=arguments.threads,
        n_threads_batch=arguments.threads,
        flash_attn=True,
        verbose=False,
    )
    rows = asyncio.run(measure(model, llama))
    model.close()
    llama.close()
    weights = "a faster copy of its weights" if faster else "its weights as they came"
    lines = [
        f"{model.model_name}, {weights}, {arguments.threads} threads, loaded and warm after {loaded_s:.1f} s; median / largest",
        "",
    ]
    lines += [f"{'':<58}{'this engine':>18}{'llama_cpp.Llama':>18}", *map(str, rows)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
