"""What a kind of scene is: sounds to play, what is looked at while they play, and the figures that come out.

A new kind is one module with three functions (`scenes`, `play`, `figures`) and a line in `kinds.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from rtvi_local.audio.pcm import Int16, to_int16
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.caller import Caller
from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.turns.sounds import Studio
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32

Outcome = dict[str, Any]
"""What was observed of one scene, as JSON. Its `name` and `detector` are added by the runner, and `heard`, where sound is to be
understood."""


class Scene(Protocol):
    @property
    def name(self) -> str:
        """Unique among the scenes of its kind."""
        ...


S = TypeVar("S", bound=Scene)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table, with its bound, if it has one."""

    name: str
    value: float | None
    """None: nothing was observed that it could be told from."""
    unit: str = ""
    of: int | None = None
    """Where `value` is a count: of so many."""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool | None:
        """None where there is no bound, or nothing to compare with it."""
        if self.value is None or self.at_most is self.at_least is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (self.at_least is None or self.value >= self.at_least)


@dataclass(frozen=True, slots=True)
class Played:
    outcome: Outcome
    listen_to: Int16 | None = None
    """48 kHz mono whose words are wanted as `heard`: transcribed when all scenes have been played, for it takes the CPU."""
    is_wrong: Callable[[Outcome], bool] = lambda _: False
    """Whether what was heard is not what should be. Then it is listened to once more (`heard_again`): of 42 sentences as they
    are spoken Whisper base heard one with a word too many, and none of these twice."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scene is played."""

    url: str
    detector: bool
    """Whether Smart Turn is used."""

    def call(self, config: Mapping[str, Mapping[str, object]] | None = None) -> Caller:
        """A new conversation, with these options (docs/options.md) besides the turn detector's."""
        options = {service: dict(values) for service, values in (config or {}).items()}
        options.setdefault("phrase_endpointing", {})["detector"] = self.detector
        return Caller(self.url, request_data={"config": options})


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    name: str
    scenes: Callable[[Studio, Path | None], Sequence[S]]
    """All of them, with their sounds; the folder holds recordings of people, where there is one. Blocks; may ask the voice."""
    play: Callable[[Place, S], Awaitable[Played]]
    """One of them, in real time."""
    figures: Callable[[Sequence[Outcome]], list[Figure]]
    at_once: int = 1
    """How many scenes may be played at the same time without disturbing what is measured."""


def for_the_line(sound: Float32) -> Int16:
    """16 kHz as a caller sends it."""
    return resampled(to_int16(np.clip(sound, -1, 1).astype(np.float32)), LISTENING_SAMPLE_RATE, CALLER_RATE)
