from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.config import Config, Turns
from rtvi_local.pipeline.frames import Audio, ButtonPressed, ButtonReleased, Configured, Frame, SpeechStarted, SpeechStopped
from rtvi_local.pipeline.turn_states import Deciding, Listening
from rtvi_local.pipeline.turn_waits import Policy
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing
from rtvi_local.stages.push_to_talk import LAST_SOUND_MS, PushToTalk


class Button:
    """A stage, and what came out of it."""

    def __init__(self, *, only_held: bool) -> None:
        self.stage = PushToTalk(only_held=only_held, preroll_ms=100)
        self.frames: list[Frame] = []
        self.stage.emit = self.stage.forward = self.frames.append

    def hear(self, *numbers: int) -> None:
        """20 ms each, of which every sample is that number."""
        for number in numbers:
            self.stage.receive(Audio(np.full(320, number, np.int16), 0.0))

    @property
    def heard(self) -> list[int]:
        return [int(frame.samples[0]) for frame in self.frames if isinstance(frame, Audio)]

    @property
    def told(self) -> list[type[Frame]]:
        return [type(frame) for frame in self.frames if isinstance(frame, (ButtonPressed, ButtonReleased))]


def played(story: Callable[[Button], Coroutine[Any, Any, None]], *, only_held: bool = True) -> Button:
    async def in_time() -> Button:
        button = Button(only_held=only_held)
        await story(button)
        return button

    return virtual_clock.run(in_time())


def test_only_what_is_said_while_it_is_held_is_heard_and_a_little_from_before_and_behind() -> None:
    async def story(button: Button) -> None:
        button.hear(*range(1, 11))
        button.stage.press()
        button.hear(11, 12)
        button.stage.release()
        button.hear(13)
        await asyncio.sleep(LAST_SOUND_MS / 1000 + 0.01)
        button.hear(14)

    button = played(story)
    assert button.heard == [6, 7, 8, 9, 10, 11, 12, 13]
    assert button.told == [ButtonPressed, ButtonReleased]
    assert isinstance(button.frames[-1], ButtonReleased), "after the last of the sound"


def test_who_presses_again_at_once_never_let_go() -> None:
    async def story(button: Button) -> None:
        button.stage.press()
        button.stage.press()
        button.stage.release()
        button.stage.press()
        await asyncio.sleep(1)
        button.hear(1)

    button = played(story)
    assert button.told == [ButtonPressed]
    assert button.heard == [1]


def test_without_the_setting_everything_is_heard_and_switching_it_on_ends_what_is_being_said() -> None:
    async def story(button: Button) -> None:
        button.hear(1, 2)
        on = replace(Config(), turns=Turns(push_to_talk=True))
        for _ in range(2):
            button.stage.receive(Configured(on, None, None))  # type: ignore[arg-type]
        button.hear(3)

    button = played(story, only_held=False)
    assert button.heard == [1, 2]
    assert button.told == [ButtonReleased]


def test_no_silence_ends_a_turn_while_the_button_is_held() -> None:
    async def story() -> None:
        asked: list[int] = []
        stage = PhraseEndpointing(Policy(), asked.append, lambda: None)
        stage.receive(ButtonPressed(0.0))
        stage.receive(SpeechStarted(100.0))
        stage.receive(SpeechStopped(1000.0, 64.0))
        await asyncio.sleep(5)
        assert isinstance(stage.state, Listening)
        assert asked == []
        stage.receive(ButtonReleased(5000.0, 200.0))
        assert isinstance(stage.state, Deciding)
        assert asked == [1]
        await stage.close()

    virtual_clock.run(story())
