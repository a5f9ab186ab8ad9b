"""A person, or a noise, over the bot's voice: what ends the reply, how soon, and whether what does not loses or doubles a word.

The bot says words that are known (tts:say), so that what the caller received can be compared with them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import FRAME_S, Arrival, Caller, Said
from rtvi_local.bench.report import percentile
from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.turns import noises
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played, for_the_line
from rtvi_local.bench.turns.scenes import PEOPLE, Utterance, read
from rtvi_local.bench.turns.sounds import SPEECH_DBFS, Studio, at_level
from rtvi_local.bench.words import normalised_words
from rtvi_local.pipeline.frames import VoicePaused
from rtvi_local.rtvi.opt_in import log_line

_FIRST_S, _LATER_S = 0.8, 0.17
"""After the bot's first sound, the first scene's person speaks; each next scene's so much later, up to _STEPS times."""
_STEPS = 7
_SETTLED_S = 2.0
"""After the last sound over the voice: then it has been decided what it was."""
_LONGEST_REPLY_S = 25.0
_HOLD_MS = 180.0
"""Silence that is longer is the voice held back, or a pause between two sentences."""
_LEFT_MS = 60
_TRAVEL_MS = 100.0
"""What is on its way when the reply is cancelled, still arrives."""


_MISHEARD_LETTERS = 2
"""By how many the same sound may differ as Whisper writes it."""


@dataclass(frozen=True, slots=True)
class OverScene:
    name: str
    group: str
    """question, hush: these end the reply. backchannel, noise: these don't. control: nothing is heard over the voice."""
    text: str
    """What the bot says."""
    after_s: float
    samples: Int16


def scenes(studio: Studio, recordings: Path | None) -> list[OverScene]:
    del recordings
    file = read("interruptions.toml")
    texts: list[str] = file["texts"]
    moments = itertools.cycle([_FIRST_S + _LATER_S * step for step in range(_STEPS)])
    turns = itertools.cycle(texts)
    made = [
        OverScene(f"nothing over text {i + 1}", "control", text, 0.0, np.zeros(0, np.int16)) for i, text in enumerate(texts)
    ]
    for time in range(file["times"]):
        groups = [
            [
                OverScene(name, group, next(turns), next(moments), for_the_line(sound))
                for name, sound in _sounds(studio, group, file[f"{group}s" if group != "hush" else "hushes"], time)
            ]
            for group in ("question", "hush", "backchannel", "noise")
        ]
        # By turns, so that a shorter run has some of each.
        made += [scene for some in itertools.zip_longest(*groups) for scene in some if scene is not None]
    return made


def _sounds(studio: Studio, group: str, entries: Sequence[str], time: int) -> Iterator[tuple[str, np.ndarray]]:
    for number, entry in enumerate(entries):
        if entry in noises.SHORT:
            yield f"{entry} {time + 1}", at_level(noises.SHORT[entry](number * 10 + time), SPEECH_DBFS)
        else:
            person = PEOPLE[(number + 2 * time) % len(PEOPLE)]
            yield f"{entry} {person.name}", studio.say(Utterance(entry, person))


async def play(place: Place, scene: OverScene) -> Played:
    async with place.call({"llm": {"max_tokens": 24}, "messages": {"system_log": True}}) as caller:
        asked_ms = caller.now_ms()
        caller.send("client-message", {"t": "tts:say", "d": {"text": scene.text}})
        first_ms = await caller.sound_after(asked_ms, 10.0)
        if first_ms is None:
            raise TimeoutError(f"{scene.name}: the bot did not say its text")
        outcome: Outcome = {"group": scene.group, "text": scene.text}
        if scene.group == "control":
            await _said_all(caller)
            return Played(outcome, caller.heard_between(first_ms, caller.now_ms()), is_wrong)
        await asyncio.sleep(scene.after_s)
        said = caller.say(scene.samples)
        await said.done.wait()
        if scene.group in ("question", "hush"):
            await asyncio.sleep(_SETTLED_S)
            return Played({**outcome, **ended(caller, said)})
        await _said_all(caller)
        if cancelled_ms(caller) is not None:
            return Played({**outcome, "cancelled": True})
        resumed = [a for a in caller.arrivals if a.at_ms >= first_ms]
        held = hold(resumed, said.first_sound_ms - 40, said.last_sound_ms + 600)
        outcome |= {"cancelled": False, "held_ms": None, "back_ms": None, "gap_ms": None}
        if held is not None and pauses(caller):
            outcome |= {"held_ms": held[1] - held[0], "back_ms": max(0.0, held[1] - said.last_sound_ms)}
        elif held is not None:
            outcome["gap_ms"] = held[1] - held[0]
        return Played(outcome, _without(resumed, held), is_wrong)


async def _said_all(caller: Caller) -> None:
    await caller.wait_for("bot-stopped-speaking", timeout_s=_LONGEST_REPLY_S)
    await asyncio.sleep(_TRAVEL_MS / 1000)


def cancelled_ms(caller: Caller) -> float | None:
    return next((m.at_ms for m in caller.messages if m.type == "bot-interrupted"), None)


def pauses(caller: Caller) -> int:
    """How often the voice was held, for however short a time, as the appliance logs it. Silence without that is a gap."""
    told = [message.data["text"] for message in caller.messages if message.type == "system-log"]
    return told.count(log_line(VoicePaused()))


def gaps(outcomes: Sequence[Outcome]) -> int | None:
    """In how many scenes there was one. None for some that were played before it was looked for."""
    return sum(one["gap_ms"] is not None for one in outcomes) if all("gap_ms" in one for one in outcomes) else None


def ended(caller: Caller, said: Said) -> Outcome:
    """When the voice fell silent for good, counted from the person's first sound, and whether another reply followed."""
    at_ms = cancelled_ms(caller)
    if at_ms is None:
        return {"stopped_ms": None, "again": False, "answered": False}
    turn_ms = next((m.at_ms for m in caller.messages if m.type == "user-llm-text"), None)
    audible = [a.at_ms for a in caller.arrivals if a.audible]
    last_ms = max((a for a in audible if a < at_ms + _TRAVEL_MS), default=at_ms)
    return {
        "stopped_ms": last_ms + FRAME_S * 1000 - said.first_sound_ms,
        "decided_ms": at_ms - said.first_sound_ms,
        "again": any(a >= at_ms + _TRAVEL_MS for a in audible) and turn_ms is None,
        "answered": turn_ms is not None,
    }


def hold(arrivals: Sequence[Arrival], from_ms: float, to_ms: float) -> tuple[float, float] | None:
    """The longest silence that began in that time, if it is longer than the pause between two words: (its start, its end)."""
    audible = [a.at_ms for a in arrivals if a.audible]
    silences = [(at + FRAME_S * 1000, after) for at, after in itertools.pairwise(audible) if from_ms <= at <= to_ms]
    longest = max(silences, key=lambda one: one[1] - one[0], default=None)
    return longest if longest is not None and longest[1] - longest[0] > _HOLD_MS else None


def _without(arrivals: Sequence[Arrival], held: tuple[float, float] | None) -> Int16:
    """All that was received but the time in which the voice was held: a word that was stopped in its middle is whole again."""
    keep = [a.samples for a in arrivals if held is None or not held[0] + _LEFT_MS / 2 <= a.at_ms < held[1] - _LEFT_MS / 2]
    return np.concatenate([*keep, np.zeros(CALLER_RATE // 5, np.int16)])


def is_wrong(one: Outcome) -> bool:
    """Whether a word was lost or doubled: however often it is listened to, it is not there, or is there twice."""
    return all(lost_or_doubled(one["text"], one[heard]) > 0 for heard in ("heard", "heard_again") if heard in one)


def lost_or_doubled(text: str, heard_text: str) -> int:
    """How many words were missing or too many. What Whisper took for others of about as many letters ("up rides" for "arrives",
    "horizon" for "arrives in") is neither."""
    said, heard = normalised_words(text), normalised_words(heard_text)
    changes = SequenceMatcher(a=said, b=heard, autojunk=False).get_opcodes()
    return sum(
        abs((end - start) - (heard_end - heard_start))
        for _, start, end, heard_start, heard_end in changes
        if not _sound_alike(said[start:end], heard[heard_start:heard_end])
    )


def _sound_alike(said: Sequence[str], heard: Sequence[str]) -> bool:
    """As far as letters tell. A word that was really lost or doubled leaves none, or too many, in its place."""
    some = bool(said) and bool(heard)
    return some and abs(len("".join(said)) - len("".join(heard))) <= _MISHEARD_LETTERS


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    true = [one for one in outcomes if one["group"] in ("question", "hush")]
    false = [one for one in outcomes if one["group"] in ("backchannel", "noise")]
    hushes = [one for one in outcomes if one["group"] == "hush"]
    questions = [one for one in outcomes if one["group"] == "question"]
    control = [one for one in outcomes if one["group"] == "control"]
    stops = [one["stopped_ms"] for one in true if one["stopped_ms"] is not None]
    back = [one["back_ms"] for one in false if one.get("back_ms") is not None]
    resumed = [one for one in false if not one["cancelled"]]
    cancelled = [one for one in false if one["cancelled"]]
    return [
        Figure("interruptions that stop the voice", len(stops), of=len(true), at_least=0.975 * len(true)),
        Figure("first sound to silence, median", _share(stops, 0.5), "ms", at_most=300),
        Figure("first sound to silence, p95", _share(stops, 0.95), "ms", at_most=500),
        Figure(
            "asked to be quiet: another reply, or the rest of this one", sum(map(_spoke_on, hushes)), of=len(hushes), at_most=0
        ),
        Figure("questions over the voice that became turns", sum(one["answered"] for one in questions), of=len(questions)),
        Figure("backchannels that cancel", _count(cancelled, "backchannel"), of=_count(false, "backchannel")),
        Figure("noises that cancel", _count(cancelled, "noise"), of=_count(false, "noise")),
        Figure("backchannels and noises that cancel", len(cancelled), of=len(false), at_most=0.1 * len(false)),
        Figure("resumed with a word lost or doubled", _wrong(resumed), of=len(resumed), at_most=0),
        Figure("the same with nothing over the voice (Whisper's own errors)", _wrong(control), of=len(control)),
        Figure("voice held", len(back), of=len(resumed)),
        Figure("silent without being held: between sentences, or late", gaps(resumed), of=len(resumed)),
        Figure("back after the last sound, median", _share(back, 0.5), "ms"),
        Figure("back after the last sound, longest", max(back, default=None), "ms", at_most=1000),
    ]


def _spoke_on(one: Outcome) -> bool:
    return bool(one["again"] or one["answered"] or one["stopped_ms"] is None)


def _wrong(some: Sequence[Outcome]) -> int:
    return sum(map(is_wrong, some))


def _count(some: Sequence[Outcome], group: str) -> int:
    return sum(one["group"] == group for one in some)


def _share(values: Sequence[float], share: float) -> float | None:
    return percentile(values, share) if values else None


KIND = Kind("interruptions", scenes, play, figures, at_once=2)
