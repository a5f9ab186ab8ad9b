"""The bot's own voice, back in the microphone through a loudspeaker and a room: it is no person, and who speaks over it is one.

Each scene is a conversation of its own, so it is always the first reply, of whose way back nothing is known yet.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import Caller
from rtvi_local.bench.loudspeaker import Loudspeaker
from rtvi_local.bench.report import percentile
from rtvi_local.bench.turns.interruptions import ended, gaps, pauses
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played, for_the_line
from rtvi_local.bench.turns.scenes import PEOPLE, Utterance, read
from rtvi_local.bench.turns.sounds import Studio, at_level

LEVELS_DB = (-30.0, -20.0, -10.0, -6.0)
"""Of the echo against what was sent."""
DELAYS_MS = (20.0, 60.0, 120.0, 200.0)
"""Besides the network's."""
VOICE_DBFS = -22.0
"""Of the default voice. Who speaks over it is as loud as its echo."""
NATURAL_PAUSE_MS = 320.0
"""The texts are sentences without a stop inside, whose longest pauses are shorter. A voice that is held is held for longer, and
where none was paused, what was sent came late."""
LONGEST_GAP_MS = 1000.0
"""No sound comes so late. Whatever the log says, the voice was held."""
_AFTERWARDS_S = 1.2
"""Within which the last of the echo would have become a turn."""
_FIRST_S, _LATER_S, _STEPS = 0.9, 0.31, 7
"""After the bot's first sound, the first scene's person speaks; each next scene's so much later."""
_SETTLED_S = 2.0
_LONGEST_REPLY_S = 20.0


@dataclass(frozen=True, slots=True)
class EchoScene:
    name: str
    level_db: float
    delay_ms: float
    text: str
    """What the bot says."""
    said: str = ""
    """What a person says over it, if one does."""
    after_s: float = 0.0
    samples: Int16 | None = None


def scenes(studio: Studio, recordings: Path | None) -> list[EchoScene]:
    del recordings
    file = read("echo.toml")
    texts: list[str] = file["texts"]
    cells = list(itertools.product(range(file["times"]), LEVELS_DB, DELAYS_MS))
    made = [
        EchoScene(
            f"{level:.0f} dB, {delay:.0f} ms, text {number % len(texts) + 1}, {time + 1}",
            level,
            delay,
            texts[number % len(texts)],
        )
        for number, (time, level, delay) in enumerate(cells)
    ]
    ways = itertools.cycle(itertools.product(DELAYS_MS, LEVELS_DB[1:]))
    for number, (said, (delay, level)) in enumerate(zip(file["objections"] * file["talks"], ways, strict=False)):
        person = PEOPLE[(number + number // len(file["objections"])) % len(PEOPLE)]
        sound = at_level(studio.say(Utterance(said, person)), VOICE_DBFS + level)
        name = f"{said} {person.name}, {level:.0f} dB, {delay:.0f} ms"
        after_s = _FIRST_S + _LATER_S * (number % _STEPS)
        made.append(EchoScene(name, level, delay, texts[number % len(texts)], said, after_s, for_the_line(sound)))
    return made


async def play(place: Place, scene: EchoScene) -> Played:
    async with place.call({"messages": {"system_log": True}}) as caller:
        loudspeaker = Loudspeaker(caller.arrivals, gain_db=scene.level_db, delay_ms=scene.delay_ms)
        caller.surroundings = loudspeaker.heard
        await asyncio.sleep(0.5)
        outcome: Outcome = {"level_db": scene.level_db, "delay_ms": scene.delay_ms, "text": scene.text}
        asked_ms = caller.now_ms()
        caller.send("client-message", {"t": "tts:say", "d": {"text": scene.text}})
        first_ms = await caller.sound_after(asked_ms, 10.0)
        if first_ms is None:
            raise TimeoutError(f"{scene.name}: the bot did not say its text")
        if scene.samples is None:
            await caller.wait_for("bot-stopped-speaking", timeout_s=_LONGEST_REPLY_S)
            await asyncio.sleep(_AFTERWARDS_S)
            seen, gap = signs(caller, first_ms), gap_ms(caller, first_ms)
            return Played({**outcome, "group": "alone", "signs": seen, "pauses": pauses(caller), "gap_ms": gap})
        await asyncio.sleep(scene.after_s)
        early = signs(caller, first_ms)
        said = caller.say(scene.samples)
        await said.done.wait()
        await asyncio.sleep(_SETTLED_S)
        finals = [m.data["text"] for m in caller.messages if m.type == "user-transcription" and m.data.get("final")]
        return Played({**outcome, "group": "over", "said": scene.said, "early": early, "words": finals, **ended(caller, said)})


def signs(caller: Caller, first_ms: float) -> list[str]:
    """What shows that it took its own voice for a person's since then."""
    types = [message.type for message in caller.messages]
    seen: list[str] = [type for type in ("user-started-speaking", "user-transcription", "bot-interrupted") if type in types]
    silent_ms = _longest_silence_ms(caller, first_ms)
    is_held = silent_ms > (NATURAL_PAUSE_MS if pauses(caller) else LONGEST_GAP_MS)
    return seen + [f"held for {silent_ms:.0f} ms"] * is_held


def gap_ms(caller: Caller, first_ms: float) -> float | None:
    """The longest gap in what came since then, if the voice was not paused and it is none between two words."""
    silent_ms = _longest_silence_ms(caller, first_ms)
    return silent_ms if NATURAL_PAUSE_MS < silent_ms <= LONGEST_GAP_MS and not pauses(caller) else None


def _longest_silence_ms(caller: Caller, first_ms: float) -> float:
    sounds = [arrival.at_ms for arrival in caller.arrivals if arrival.at_ms >= first_ms and arrival.audible]
    return max((after - before for before, after in itertools.pairwise(sounds)), default=0.0)


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    alone = [one for one in outcomes if one["group"] == "alone"]
    over = [one for one in outcomes if one["group"] == "over"]
    stops = [one["stopped_ms"] for one in over if one["stopped_ms"] is not None]
    shown: list[Figure] = []
    for level in LEVELS_DB:
        some = [one for one in alone if one["level_db"] == level]
        bound = len(some) / 20 if level > -10 else 0
        shown.append(Figure(f"echo at {level:.0f} dB: interrupts itself", _count(some), of=len(some), at_most=bound))
        paused = sum(one["pauses"] > 0 for one in some) if all("pauses" in one for one in some) else None
        shown.append(Figure(f"… at {level:.0f} dB: the voice pauses, however shortly", paused, of=len(some)))
        for delay in DELAYS_MS:
            cell = [one for one in some if one["delay_ms"] == delay]
            shown.append(Figure(f"… at {level:.0f} dB after {delay:.0f} ms", _count(cell), of=len(cell)))
    return [
        *shown,
        Figure("silent without being held: what was sent came late", gaps(alone), of=len(alone)),
        Figure("a person as loud as the echo stops the voice", len(stops), of=len(over), at_least=0.9 * len(over)),
        Figure("… becomes a turn, or is obeyed", sum(bool(one["words"]) for one in over), of=len(over)),
        Figure("… first sound to silence, median", percentile(stops, 0.5) if stops else None, "ms", at_most=300),
        Figure("… first sound to silence, p95", percentile(stops, 0.95) if stops else None, "ms", at_most=500),
    ]


def _count(some: Sequence[Outcome]) -> int:
    return sum(bool(one["signs"]) for one in some)


# One at a time: three callers with a room each kept two cores so busy that packets came 50 to 170 ms late. What lateness
# does is for `echo_offline --jitter` to show.
KIND = Kind("echo", scenes, play, figures)
