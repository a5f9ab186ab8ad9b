"""Answers of one word to what the bot has asked: heard, wherever in a window of the voice activity detector they begin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.report import percentile
from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played, for_the_line
from rtvi_local.bench.turns.scenes import PEOPLE, Utterance
from rtvi_local.bench.turns.sounds import Studio
from rtvi_local.bench.words import normalised_words

QUESTION = "Shall I go on?"
WORDS = ("No.", "Yes.", "Stop.")
HUSH = "Stop."
"""Wants no reply."""
TIMES = 8
_STEP_MS = 7
"""From one time to the next; a window of the voice activity detector is 32 ms."""
_WAIT_S = 2.5


@dataclass(frozen=True, slots=True)
class AnswerScene:
    name: str
    word: str
    samples: Int16


def scenes(studio: Studio, recordings: Path | None) -> list[AnswerScene]:
    del recordings
    made = []
    for time in range(TIMES):
        for word in WORDS:
            person = PEOPLE[time % len(PEOPLE)]
            sound = for_the_line(studio.say(Utterance(word, person)))
            waits = np.zeros((600 + time * _STEP_MS) * CALLER_RATE // 1000, np.int16)
            made.append(AnswerScene(f"{word} {person.name} {time + 1}", word, np.concatenate([waits, sound])))
    return made


async def play(place: Place, scene: AnswerScene) -> Played:
    async with place.call({"llm": {"max_tokens": 24}}) as caller:
        caller.send("client-message", {"t": "tts:say", "d": {"text": QUESTION}})
        await caller.wait_for("bot-stopped-speaking")
        said = caller.say(scene.samples)
        await said.done.wait()
        await asyncio.sleep(_WAIT_S)
        turns = [m for m in caller.messages if m.type == "user-llm-text"]
        heard = [m.data["text"] for m in caller.messages if m.type == "user-transcription" and m.data["final"]]
        delay_ms = turns[0].at_ms - said.last_sound_ms if turns else None
        return Played({"group": scene.word, "text": heard, "answered_ms": delay_ms})


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    answers = [one for one in outcomes if one["group"] != HUSH]
    hushes = [one for one in outcomes if one["group"] == HUSH]
    delays = [one["answered_ms"] for one in answers if one["answered_ms"] is not None]
    right = [one for one in answers if normalised_words(" ".join(one["text"])) == normalised_words(one["group"])]
    return [
        Figure("“No.” and “Yes.” that became turns", len(delays), of=len(answers), at_least=len(answers)),
        Figure("of these, understood to the letter", len(right), of=len(answers)),
        Figure("end of turn, median", percentile(delays, 0.5) if delays else None, "ms", at_most=300),
        Figure("“Stop.” that got a reply", sum(one["answered_ms"] is not None for one in hushes), of=len(hushes), at_most=0),
    ]


KIND = Kind("answers", scenes, play, figures, at_once=2)
