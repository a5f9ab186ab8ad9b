"""Minutes of noise at the level of speech, and of a quiet room: nothing of it is a turn."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.turns import noises
from rtvi_local.bench.turns import scenes as scene_files
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played, for_the_line
from rtvi_local.bench.turns.sounds import SPEECH_DBFS, Studio, at_level, silence
from rtvi_local.engines.interfaces import Float32

PIECE_S = 30.0
"""Each in a conversation of its own, so that a short sitting holds some of everything."""
MINUTES = 10
"""Of café, music and television together, and of silence."""
_HOUSEHOLD_EVERY = 4
"""After so many of the others: 2.5 minutes of it besides."""
SEED = 1000
"""Of the first piece. By the noises from seed 0 on `least_treble_db` was chosen, those from 100 on were looked at; these are
held out."""
_WAIT_S = 3.0
"""For what comes late."""
SILENCE = "silence"
LOUD = ("café", "music", "television")
NOISES = (*LOUD, "household")


@dataclass(frozen=True, slots=True)
class NoiseScene:
    name: str
    group: str
    samples: Int16


def scenes(studio: Studio, recordings: Path | None) -> list[NoiseScene]:
    del recordings
    voices = spoken(studio)
    return [NoiseScene(f"{group} {seed}", group, for_the_line(sound(group, voices, seed))) for group, seed in order()]


def spoken(studio: Studio) -> list[Float32]:
    """What people say in a café and on television."""
    said = scene_files.end_of_turn()
    return [studio.say(utterance) for utterance in [*said.complete, *said.whole_before_pause]]


def order(seed: int = SEED) -> list[tuple[str, int]]:
    """Which noise, and its seed, from `seed` on; noise and silence by turns, so that every shorter run has both."""
    pieces = int(MINUTES * 60 / PIECE_S)
    groups: list[str] = []
    for number in range(pieces):
        groups.append(LOUD[number % len(LOUD)])
        if number % _HOUSEHOLD_EVERY == _HOUSEHOLD_EVERY - 1:
            groups.append("household")
    noisy = [(group, seed + number) for number, group in enumerate(groups)]
    silent = [(SILENCE, seed + number) for number in range(pieces)]
    return [one for both in itertools.zip_longest(noisy, silent) for one in both if one is not None]


def sound(group: str, voices: Sequence[Float32], seed: int) -> Float32:
    """PIECE_S of it, at 16 kHz and at the level of speech."""
    match group:
        case "café":
            made = noises.cafe(voices, PIECE_S, seed)
        case "music":
            made = noises.music(PIECE_S, seed)
        case "television":
            made = noises.television(voices, PIECE_S, seed)
        case "household":
            made = noises.household(PIECE_S, seed)
        case _:
            return silence(PIECE_S)  # the caller's line is never digitally silent
    return at_level(np.asarray(made, np.float32), SPEECH_DBFS)


async def play(place: Place, scene: NoiseScene) -> Played:
    async with place.call() as caller:
        said = caller.say(scene.samples)
        await said.done.wait()
        await asyncio.sleep(_WAIT_S)
        types = [message.type for message in caller.messages]
        return Played(
            {
                "group": scene.group,
                "seconds": scene.samples.size / 48_000,
                "opened": types.count("user-started-speaking"),
                "transcripts": [m.data["text"] for m in caller.messages if m.type == "user-transcription"],
                "turns": [m.data["text"] for m in caller.messages if m.type == "user-llm-text"],
                "replies": types.count("bot-started-speaking") or int(caller.first_sound_after(0) is not None),
                # Asked to say it again, because the words of what was taken for a turn came too late: an answer to nobody, too.
                "errors": types.count("error"),
            }
        )


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    shown = []
    for group in (*NOISES, SILENCE):
        some = [one for one in outcomes if one["group"] == group]
        if not some:
            continue
        minutes = sum(one["seconds"] for one in some) / 60
        shown.append(Figure(f"{group}, {minutes:.1f} minutes: replies", sum(one["replies"] for one in some), at_most=0))
        errors = sum(one["errors"] for one in some) if all("errors" in one for one in some) else None
        shown.append(Figure(f"{group}: given up because its words came too late", errors, at_most=0))
        transcripts = sum(len(one["transcripts"]) for one in some)
        shown.append(Figure(f"{group}: transcripts", transcripts, at_most=0 if group == SILENCE else None))
        shown.append(Figure(f"{group}: turns opened and dropped", sum(one["opened"] for one in some)))
    return shown


# Half of what sounds at once is silence. More of them would keep two cores so busy that turns are given up for want of words.
KIND = Kind("noise", scenes, play, figures, at_once=6)
