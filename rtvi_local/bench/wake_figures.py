"""What waiting for wake words showed, each figure with its bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtvi_local.bench.bounds import HEADS, rows_of
from rtvi_local.bench.report import aligned
from rtvi_local.bench.turns.kind import Figure
from rtvi_local.engines.wake_word import SMALL_MODELS

OF, LEAST = 20, 19
"""Each wake word is said so many times, and must wake so many. For one without a model nothing is promised: a crowd that talks
just before it is transcribed with it, as one sentence."""
COMMANDS, ECHOES = 5, 4
"""How many commands follow each wake word, and how many echoes of it come back."""
FALSE_WAKES_AN_HOUR = 1
ASLEEP_PERCENT = 5.0
"""Of one core."""


@dataclass
class Figures:
    woken: dict[str, int] = field(default_factory=dict)
    """Of OF, by wake word."""
    missed: list[str] = field(default_factory=list)
    other_speech_minutes: float = 0.0
    false_wakes: list[str] = field(default_factory=list)
    transcribed_asleep: int = 0
    """How often anything was transcribed meanwhile, while it was asleep."""
    commands: dict[str, int] = field(default_factory=dict)
    """Of COMMANDS, those that arrived word for word, by wake word."""
    commands_cut: int = 0
    """How many of all commands lacked a word."""
    commands_wrong: list[str] = field(default_factory=list)
    own_voice: dict[str, int] = field(default_factory=dict)
    """How often it woke from its own voice, of ECHOES, by wake word."""
    control_woken: int = 0
    """How many of the same sounds wake it when it is not itself that speaks."""
    server_percent_of_a_core: dict[str, float] = field(default_factory=dict)


def figures_of(report: dict[str, Any]) -> list[Figure]:
    """Of the Figures as JSON."""
    woken, commands, own_voice = report["woken"], report["commands"], report["own_voice"]
    minutes = report["other_speech_minutes"]
    of_commands, echoes = COMMANDS * len(commands), ECHOES * len(own_voice)
    return [
        *(
            Figure(f"{word}: woken", count, of=OF, at_least=LEAST if word in SMALL_MODELS else None)
            for word, count in woken.items()
        ),
        *(
            Figure(f"{word} and a command without a pause: word for word", count, of=COMMANDS)
            for word, count in commands.items()
        ),
        Figure("commands that lack a word", report.get("commands_cut"), of=of_commands, at_most=0),
        Figure("woken by its own voice", sum(own_voice.values()), of=echoes, at_most=0),
        Figure("woken by the same sounds from somebody else", report["control_woken"], of=echoes),
        Figure(
            f"{minutes:.0f} minutes of other speech: false wakes",
            len(report["false_wakes"]),
            at_most=max(FALSE_WAKES_AN_HOUR, FALSE_WAKES_AN_HOUR * minutes // 60),
        ),
        Figure("transcriptions meanwhile, asleep", report["transcribed_asleep"], at_most=0),
        *(
            Figure(
                f"asleep, {_waiting_for(words)}, its client talking",
                percent,
                "% of one core",
                at_most=ASLEEP_PERCENT,
            )
            for words, percent in report["server_percent_of_a_core"].items()
        ),
    ]


def _waiting_for(words: str) -> str:
    return f"waiting for {words}" if words in SMALL_MODELS else f"looking for {words} in transcripts"


def notes(report: dict[str, Any]) -> Iterator[str]:
    """What went wrong, by name."""
    parts = (("Missed", "missed"), ("Commands that were not word for word", "commands_wrong"), ("False wakes", "false_wakes"))
    for title, part in parts:
        if report[part]:
            yield f"{title}: {'; '.join(report[part])}."


def table(report: dict[str, Any]) -> str:
    return "\n".join([aligned(HEADS, rows_of(figures_of(report))), *notes(report)])


def broken(report: dict[str, Any]) -> Sequence[Figure]:
    return [figure for figure in figures_of(report) if figure.holds is False]
