"""What is played to an appliance: read from the TOML files beside this one. Pure but for reading them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).with_name("scenes")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made out of the one voice that is there: played faster by `pitch` (and higher), spoken faster by `speed`."""

    name: str
    speed: float
    pitch: float


PEOPLE = (Person("joe", 1.0, 1.0), Person("ann", 0.95, 1.16), Person("max", 1.15, 0.92), Person("slow", 0.85, 1.0))


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that one person says in one go, or with a pause at each lone | of `text`."""

    text: str
    person: Person
    pause_s: float = 0.0

    @property
    def words(self) -> str:
        return " ".join(word for word in self.text.split() if word != "|")

    @property
    def name(self) -> str:
        pause = f" (pause {self.pause_s:.1f} s)" if self.pause_s else ""
        return f"{self.words[:40]}{pause}"


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """What is said to see when a turn ends."""

    complete: list[Utterance]
    paused: list[Utterance]
    whole_before_pause: list[Utterance]


def read(name: str) -> dict[str, Any]:
    scenes: dict[str, Any] = tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
    return scenes


def end_of_turn(name: str = "end_of_turn") -> EndOfTurn:
    scenes = read(f"{name}.toml")
    complete = [Utterance(text, _person(i)) for i, text in enumerate(scenes["complete"])]
    pauses, times = scenes["pauses_s"], scenes["times"]

    def each(texts: list[str]) -> list[Utterance]:
        return [
            Utterance(text, _person(i + k), pauses[(i * times + k) % len(pauses)])
            for i, text in enumerate(texts)
            for k in range(times)
        ]

    return EndOfTurn(complete, each(scenes["paused"]), each(scenes["whole_before_pause"]))


def _person(index: int) -> Person:
    return PEOPLE[index % len(PEOPLE)]
