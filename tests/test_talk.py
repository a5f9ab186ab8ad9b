from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.config import Config, Llm, Stt
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.errors import UserError
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.talk import converse, lines_of
from rtvi_local.transports.interface import Listener, Transport
from rtvi_local.transports.sound_card import BLOCK, Playout, PortAudio

QUIET: Int16 = np.zeros(BLOCK, np.int16)
SPEECH: Int16 = (8000 * np.sin(np.arange(BLOCK) * 0.1)).astype(np.int16)


class FakeAppliance:
    def __init__(self, reply: str = "Yes of course.") -> None:
        self.model = ScriptedModel(lambda _: reply, first_token_ms=20, token_ms=5)
        self.opened: list[Conversation] = []

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Listener:
        config = replace(Config(), llm=Llm(system_prompt="Be brief."), stt=Stt(interim_ms=0))
        engines = Engines(
            ScriptedVad,
            ScriptedTurnDetector(),
            EchoTranscriber(["What time is it?"]),
            lambda _t, _s: False,
            self.model,
            ToneVoice(),
        )
        self.opened.append(Conversation(transport, engines, config))
        self.opened[-1].start()
        return self.opened[-1]


class FakeCard:
    """A sound card whose clock is the event loop's: it hears what it is given and keeps what it plays (SoundCard)."""

    def __init__(self, heard: list[Int16]) -> None:
        self.heard = heard
        self.played: list[Int16] = []
        self.closed = False
        self._running: asyncio.Task[None] | None = None

    def start(self, record: Callable[[Int16], None], play: Callable[[], Int16]) -> None:
        async def run() -> None:
            while not self.closed:
                await asyncio.sleep(0.02)
                record(self.heard.pop(0) if self.heard else QUIET)
                self.played.append(play())

        self._running = asyncio.get_running_loop().create_task(run())

    def close(self) -> None:
        self.closed = True


def talk(*lines: str, card: FakeCard | None = None, appliance: FakeAppliance | None = None, for_s: float = 0.0) -> str:
    """What stands on the screen at the end; the lines are written one after the other, then nothing for so long."""
    shown: list[str] = []

    async def written() -> AsyncIterator[str]:
        for line in lines:
            yield line
        await asyncio.sleep(for_s)

    virtual_clock.run(converse(appliance or FakeAppliance(), written(), shown.append, card))
    return "".join(shown)


def test_what_is_written_is_answered_in_writing() -> None:
    appliance = FakeAppliance()
    assert talk("Is it late?", "  ", "Really?", appliance=appliance) == "bot: Yes of course.\nbot: Yes of course.\n"
    assert [prompt[-1]["content"] for prompt in appliance.model.prompts] == ["Is it late?", "Really?"]


def test_it_ends_when_somebody_says_so() -> None:
    appliance = FakeAppliance()
    assert talk("/quit", "Hello?", appliance=appliance) == ""
    assert appliance.model.prompts == []


def test_what_is_said_to_the_microphone_is_answered_by_the_loudspeaker() -> None:
    card = FakeCard([*[QUIET] * 25, *[SPEECH] * 75])
    assert talk(card=card, for_s=8) == "you: What time is it?\nbot: Yes of course.\n"
    assert card.closed
    loud = [bool(block.any()) for block in card.played]
    assert not any(loud[:100]), "silent while the person speaks"
    assert sum(loud) * 20 >= 600, "a word lasts 60 ms for each of its letters"
    assert all(block.size == BLOCK for block in card.played)


def test_a_playout_waits_for_two_blocks_and_forgets_what_came_too_early() -> None:
    playout = Playout()
    blocks = [np.full(BLOCK, number, np.int16) for number in range(20)]
    playout.put(blocks[0])
    assert not playout.take().any(), "a single one would be followed by a gap"
    playout.put(blocks[1])
    assert [int(playout.take()[0]) for _ in range(3)] == [0, 1, 0]
    for block in blocks:
        playout.put(block)
    assert int(playout.take()[0]) == 12, "the clock of the sender was faster: the oldest are gone"
    playout.clear()
    assert not playout.take().any()


class NoSuchDevice(Exception):
    pass


class FakeStream:
    def __init__(self, callback: Callable[..., None], **asked: Any) -> None:
        self.asked, self.callback, self.is_open = asked, callback, True

    def start(self) -> None:
        heard, sounds = np.full((BLOCK, 1), 7, np.int16), np.zeros((BLOCK, 1), np.int16)
        self.callback(heard, sounds, BLOCK, None, None)
        self.sounds = sounds

    def close(self) -> None:
        self.is_open = False


def test_portaudio_is_given_both_directions_of_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[FakeStream] = []

    def open_stream(**asked: Any) -> FakeStream:
        streams.append(FakeStream(**asked))
        return streams[-1]

    library = SimpleNamespace(PortAudioError=NoSuchDevice, query_devices=lambda kind: {}, Stream=open_stream)
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    heard: list[Int16] = []
    card = PortAudio.find()
    card.start(heard.append, lambda: np.full(BLOCK, 9, np.int16))
    assert (streams[0].asked["samplerate"], streams[0].asked["blocksize"], streams[0].asked["channels"]) == (48_000, 960, 1)
    assert heard[0].tolist() == [7] * BLOCK
    assert (streams[0].sounds == 9).all()
    card.close()
    card.close()
    assert not streams[0].is_open


def test_a_machine_without_devices_or_without_the_library_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_there(kind: str) -> None:
        raise NoSuchDevice(kind)

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(PortAudioError=NoSuchDevice, query_devices=none_there))
    with pytest.raises(UserError, match="no microphone"):
        PortAudio.find()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match=r"--editable .\.\[talk\]"):
        PortAudio.find()


def test_lines_come_from_a_terminal_as_they_are_typed_until_it_is_closed() -> None:
    async def story() -> tuple[list[str], int]:
        master, slave = os.openpty()
        prompts: list[None] = []
        lines = lines_of(slave, lambda: prompts.append(None))
        os.write(master, "grüß dich\nund ".encode())
        got = [await anext(lines)]
        os.write(master, b"du\n\x04")
        got += [line async for line in lines]
        os.close(master)
        os.close(slave)
        return got, len(prompts)

    assert asyncio.run(story()) == (["grüß dich", "und du"], 3)
