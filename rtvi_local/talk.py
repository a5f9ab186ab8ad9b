"""`rtvi-local talk`: a conversation in the terminal, by voice where this machine has a sound card, else in writing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Protocol

from rtvi_local import __version__
from rtvi_local.appliance import Appliance
from rtvi_local.config import Config
from rtvi_local.errors import UserError
from rtvi_local.leaving import leave
from rtvi_local.rtvi.messages import LABEL
from rtvi_local.rtvi.negotiation import PROTOCOL_VERSION
from rtvi_local.transports.interface import Listener, Transport
from rtvi_local.transports.local import LocalTransport
from rtvi_local.transports.sound_card import PortAudio, SoundCard

YOU, BOT = "you: ", "bot: "
_ABOUT = {"library": "rtvi-local talk", "library_version": __version__, "platform": sys.platform}


class Opens(Protocol):
    """What is needed of an appliance."""

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Listener: ...


class Screen:
    """From RTVI messages to lines: who said what, as it is said."""

    def __init__(self, write: Callable[[str], None], *, by_voice: bool) -> None:
        self._write = write
        self._by_voice = by_voice
        self._bot_speaks = False
        self.answered = asyncio.Event()
        """Nothing that was asked is being answered."""
        self.answered.set()

    def show(self, text: str) -> None:
        message = json.loads(text)
        data = message.get("data") or {}
        match message["type"]:
            case "user-transcription" if data.get("final") and self._by_voice:
                self._line(f"{YOU}{data['text']}")
            case "bot-llm-text":
                self._write(data["text"] if self._bot_speaks else f"{BOT}{data['text'].lstrip()}")
                self._bot_speaks = True
            case "bot-llm-stopped":
                self._end_line()
                self.answered.set()
            case "bot-interrupted":
                self._end_line(" …")
            case "error" | "error-response":
                self._line(f"! {data.get('error') or data.get('message') or 'something went wrong'}")
                self.answered.set()
            case "server-message" if data.get("type") == "wake-state" and data["state"] == "asleep":
                self._line(f"(asleep: say {' or '.join(data['words'])})")
            case _:
                pass

    def _line(self, text: str) -> None:
        self._end_line()
        self._write(f"{text}\n")

    def _end_line(self, mark: str = "") -> None:
        if self._bot_speaks:
            self._write(f"{mark}\n")
        self._bot_speaks = False


async def converse(
    appliance: Opens, lines: AsyncIterator[str], write: Callable[[str], None], card: SoundCard | None = None
) -> None:
    """Until the lines end or somebody writes /quit. What is written is answered in writing; what is said, by voice."""
    screen = Screen(write, by_voice=card is not None)
    transport = LocalTransport(screen.show, card)
    listener = appliance.open_conversation(transport, {})
    transport.attach(listener)
    ids = itertools.count(1)

    def send(type: str, data: object) -> None:
        listener.on_message(json.dumps({"label": LABEL, "type": type, "id": str(next(ids)), "data": data}))

    try:
        transport.start()
        send("client-ready", {"version": PROTOCOL_VERSION, "about": _ABOUT})
        async for line in lines:
            if line.strip() == "/quit":
                break
            if line.strip():
                screen.answered.clear()
                send(
                    "send-text",
                    {"content": line.strip(), "options": {"run_immediately": True, "audio_response": card is not None}},
                )
                await screen.answered.wait()
    finally:
        listener.on_closed("the person left")
        await asyncio.wait_for(transport.closed.wait(), 10)


async def lines_of(descriptor: int, prompt: Callable[[], None]) -> AsyncGenerator[str, None]:
    """What is typed there, line by line, until its end. `prompt` is called before each."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(descriptor, lambda: pieces.put_nowait(_read(descriptor)))
    try:
        rest = b""
        prompt()
        while piece := await pieces.get():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
                prompt()
        if rest:
            yield rest.decode(errors="replace")
    finally:
        loop.remove_reader(descriptor)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # a terminal that was closed
        return b""


def talk(config: Config, *, in_writing: bool) -> int:
    """Blocks until the person leaves. Raises UserError."""
    card: SoundCard | None = None
    if not in_writing:
        try:
            card = PortAudio.find()
        except UserError as error:
            sys.stdout.write(f"{error}. Write instead.\n")
    appliance = Appliance.prepare(config)
    try:
        asyncio.run(_talk(appliance, card))
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    return 0


async def _talk(appliance: Appliance, card: SoundCard | None) -> None:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    write("Loading the models …\n")
    try:
        try:
            await appliance.load()
        except asyncio.CancelledError:
            await appliance.abandon()
            sys.stdout.write("\n")
            leave(0)
        what = "Speak, or write" if card is not None else "Write"
        write(f"{what}. /quit, Ctrl-D or Ctrl-C ends it.\n")
        shows = sys.stdin.isatty() and card is None
        async with contextlib.aclosing(lines_of(sys.stdin.fileno(), lambda: write(YOU) if shows else None)) as lines:
            await converse(appliance, lines, write, card)
    finally:
        await appliance.close()
