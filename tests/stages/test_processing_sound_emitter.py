from __future__ import annotations

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.pipeline.frames import Cue, Frame, TurnCommitted, UserTurn
from rtvi_local.stages.processing_sound_emitter import ProcessingSoundEmitter

SOUND: Int16 = np.ones(100, np.int16)


def passed(*frames: Frame, sound: Int16 = SOUND) -> tuple[list[Frame], list[Frame]]:
    """What it emitted, and all that came out, in order."""
    emitter = ProcessingSoundEmitter(sound, 16_000)
    emitted: list[Frame] = []
    everything: list[Frame] = []
    emitter.forward = everything.append
    emitter.emit = lambda frame: (emitted.append(frame), everything.append(frame))  # type: ignore[func-returns-value, assignment]
    for frame in frames:
        emitter.receive(frame)
    return emitted, everything


def test_a_spoken_turn_that_is_over_makes_the_sound_behind_its_commitment() -> None:
    emitted, everything = passed(UserTurn("Hello?", 3), TurnCommitted(3, 0.0))
    assert [frame.revision for frame in emitted if isinstance(frame, Cue)] == [3]
    assert everything[-2] == TurnCommitted(3, 0.0)


def test_a_tentative_turn_makes_none() -> None:
    assert passed(UserTurn("Hello?", 3), UserTurn("Hello, you?", 4))[0] == []
    assert passed(UserTurn("Hello, you?", 4), TurnCommitted(3, 0.0))[0] == []


def test_a_typed_turn_makes_none() -> None:
    assert passed(UserTurn("Hello?", 3, typed=True), TurnCommitted(3, 0.0))[0] == []


def test_one_turn_makes_one() -> None:
    assert len(passed(UserTurn("Hello?", 3), TurnCommitted(3, 0.0), TurnCommitted(3, 0.0))[0]) == 1


def test_without_a_sound_nothing_is_played() -> None:
    assert passed(UserTurn("Hello?", 3), TurnCommitted(3, 0.0), sound=np.zeros(0, np.int16))[0] == []
