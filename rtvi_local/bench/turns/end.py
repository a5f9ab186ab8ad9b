"""Ends of turns: how soon an utterance is taken for finished, and how often too soon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import Caller, Message, Said
from rtvi_local.bench.cli import recordings as spoken_by_people
from rtvi_local.bench.report import percentile
from rtvi_local.bench.turns import scenes as scene_files
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played, for_the_line
from rtvi_local.bench.turns.sounds import Studio
from rtvi_local.pipeline.speaker import FRAME_MS

GIVEN_UP_S = 3.0
"""After the last sound: twice what any silence may last."""
_FEW_WORDS = {"llm": {"max_tokens": 24}}
"""The replies are not what is looked at."""
_PAUSES_INSIDE = frozenset({"jfk.wav"})
"""Recordings of people who hesitate."""


@dataclass(frozen=True, slots=True)
class EndScene:
    name: str
    group: str
    """complete, paused, whole_before_pause: see scenes/end_of_turn.toml."""
    samples: Int16
    speech: tuple[int, int] | None = None
    """Where in it the voice is: a breath or a click behind the last word is not the end that is waited for."""


def scenes(studio: Studio, recordings: Path | None) -> list[EndScene]:
    said = scene_files.end_of_turn()
    made = [
        EndScene(f"{utterance.name}, {utterance.person.name}", group, for_the_line(studio.say(utterance)))
        for group in ("complete", "paused", "whole_before_pause")
        for utterance in getattr(said, group)
    ]
    people = [
        EndScene(name, "paused" if name in _PAUSES_INSIDE else "recorded", one.samples, one.speech)
        for one in spoken_by_people(recordings)
        if not (name := f"{one.name}.wav").startswith("wake-")
    ]
    return made + people


async def play(place: Place, scene: EndScene) -> Played:
    async with place.call(_FEW_WORDS) as caller:
        await asyncio.sleep(0.3)
        said = caller.say(scene.samples, scene.speech)
        await said.done.wait()
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await caller.wait_until(
                lambda: any(at_ms > said.last_sound_ms for at_ms in commits(caller)), "", timeout_s=GIVEN_UP_S
            )
        turns = await turns_remembered(caller)
        return Played({"group": scene.group, "turns": turns, **observed(caller, said), **words(caller, said)})


def commits(caller: Caller) -> list[float]:
    """When turns were committed: the client is told the words that go to the model."""
    return [message.at_ms for message in caller.messages if message.type == "user-llm-text"]


async def turns_remembered(caller: Caller) -> int:
    """Into how many turns the context divides what was said."""
    id = caller.send("client-message", {"t": "context:get"})

    def is_answer(message: Message) -> bool:
        return message.type == "server-response" and message.id == id

    await caller.wait_until(lambda: any(map(is_answer, caller.messages)), "no context")
    held = next(message for message in caller.messages if is_answer(message)).data["d"]["messages"]
    return sum(message["role"] == "user" for message in held)


def observed(caller: Caller, said: Said) -> Outcome:
    """Milliseconds from the last sound; negative before it."""
    committed = [at_ms - said.last_sound_ms for at_ms in commits(caller)]
    ended = [at_ms for at_ms in committed if at_ms > 0]
    last_ms = (ended[0] if ended else 1000 * GIVEN_UP_S) + said.last_sound_ms
    audible = [a.at_ms - said.last_sound_ms for a in caller.arrivals if said.first_sound_ms < a.at_ms < last_ms and a.audible]
    return {
        "ended_ms": ended[0] if ended else None,
        "committed_before_ms": [at_ms for at_ms in committed if at_ms <= 0],
        "audible_before_ms": audible[0] if audible and any(at_ms <= 0 for at_ms in committed) else None,
    }


def words(caller: Caller, said: Said) -> Outcome:
    """What was understood, and when the last of it was known."""
    final = [m for m in caller.messages if m.type == "user-transcription" and m.data["final"]]
    return {
        "text": " ".join(m.data["text"] for m in final),
        "understood_ms": final[-1].at_ms - said.last_sound_ms if final else None,
    }


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    complete = [one for one in outcomes if one["group"] == "complete"]
    paused = [one for one in outcomes if one["group"] == "paused"]
    whole = [one for one in outcomes if one["group"] == "whole_before_pause"]
    recorded = [one for one in outcomes if one["group"] == "recorded"]
    delays = _delays(complete)
    every = _delays(outcomes)
    return [
        Figure("pauses: answered audibly before the end", _audible(paused), of=len(paused), at_most=0.05 * len(paused)),
        Figure("pauses: closed before the end, rejoined or not", _closed(paused), of=len(paused)),
        # No cut-off, so no bound: an answer to a whole sentence is only too soon for who knows what comes. One turn it must be.
        Figure("a whole sentence before the pause: answered audibly", _audible(whole), of=len(whole)),
        Figure("complete: end of turn, median", _share(delays, 0.5), "ms", at_most=300),
        Figure("complete: end of turn, p95", _share(delays, 0.95), "ms", at_most=900),
        Figure("all: end of turn, longest", max(every, default=None), "ms", at_most=1500),
        Figure("all: made into two turns", sum(one["turns"] > 1 for one in outcomes), of=len(outcomes), at_most=0),
        Figure("all: never ended", sum(one["ended_ms"] is None for one in outcomes), of=len(outcomes), at_most=0),
        Figure("complete: closed before the end", _closed(complete), of=len(complete)),
        Figure("recordings of people: end of turn, median", _share(_delays(recorded), 0.5), "ms"),
        Figure("recordings of people: answered audibly before the end", _audible(recorded), of=len(recorded)),
    ]


def _delays(outcomes: Sequence[Outcome]) -> list[float]:
    return [one["ended_ms"] for one in outcomes if one["ended_ms"] is not None]


def _audible(outcomes: Sequence[Outcome]) -> int:
    return sum(_is_early(one["audible_before_ms"], one["ended_ms"]) for one in outcomes)


def _is_early(audible_ms: float | None, ended_ms: float | None) -> bool:
    """Before the last of it was known. The first packet of the answer to all of it leaves along with the message that says so,
    by another way, and may arrive before it."""
    return audible_ms is not None and (ended_ms is None or audible_ms < ended_ms - FRAME_MS)


def _closed(outcomes: Sequence[Outcome]) -> int:
    return sum(bool(one["committed_before_ms"]) for one in outcomes)


def _share(values: Sequence[float], share: float) -> float | None:
    return percentile(values, share) if values else None


KIND = Kind("end", scenes, play, figures)
