"""Voice-to-voice latency: turns of a conversation over real WebRTC, and where their time went.

The clock starts at the last audible sample of the question and stops when the packet with the first audible sound of the answer
arrives (see `caller`). A turn that was answered while the person had not finished is marked and is in no figure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import FRAME_S, Arrival, Caller, Message, Said
from rtvi_local.bench.late import late_ms, times
from rtvi_local.pipeline.trace import PARTS

ANSWER_S = 15.0
"""A turn that got no sound by then has failed."""
PAUSE_MS = 700.0
"""Of silence on the line before the next question."""
CAPTURE, END_HEARD, NETWORK, SOFT_START = "capture", "end_heard", "network", "soft_start"
"""Until the packet with the last of the question was full; from then until the appliance heard the end, by its own clock
(sooner, where the end is too soft for it); from when it gave the first packet of the answer to the network until that came;
and those packets from there on that are too soft to be called audible. Where its clock can't be read, NETWORK is all that is
left over."""
STRANGE_MS = 500.0
"""An end that would have the answer leave later than it came, or sooner than by this, is not that of this turn."""
SAME_MS = 5.0
"""Two processes that look at the same moment agree on it to so much."""
MARKS = {
    "vad-user-stopped-speaking": "vad stop",
    "user-transcription": "final transcript",
    "bot-llm-text": "first model text",
    "bot-started-speaking": "bot started",
}
"""Messages whose arrival is noted, and under which name."""


@dataclass(frozen=True, slots=True)
class Utterance:
    name: str
    samples: Int16
    """48 kHz mono."""
    speech: tuple[int, int] | None = None
    """First sample of the voice, and the one after its last; None if all of it is. Around it are a room, a breath, a click."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer. Times in milliseconds, from the last audible sample of the question."""

    name: str
    depth: int
    """How many turns of the same conversation came before it."""
    total_ms: float | None
    """To the packet with the first audible sound of the answer; None if none came."""
    into_pause: bool
    """The answer began, or the turn was taken for finished, while the person had more to say."""
    parts: dict[str, float]
    """`capture` and `network`, then what the appliance says of it, in order."""
    marks: dict[str, float]
    """When the client was told of each stage (MARKS)."""
    longest_gap_ms: float
    """Between two packets of the answer that should have come 20 ms apart (20 ms if nothing ever waited)."""
    transcript: str
    reply: str
    late_ms: dict[str, list[float]] | None = None
    """Length of each hole that a late voice left in the answer, by where (bench.late); None if the other side says nothing."""

    @property
    def counts(self) -> bool:
        return self.total_ms is not None and not self.into_pause


async def measure(url: str, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None] = lambda _: None) -> list[Turn]:
    """Say all utterances in one conversation, each after the answer to the one before."""
    async with Caller(url) as caller:
        return await converse(caller, utterances, on_turn)


async def converse(
    caller: Caller, utterances: Sequence[Utterance], on_turn: Callable[[Turn], None] = lambda _: None, *, depth: int = 0
) -> list[Turn]:
    """The same in a conversation that is going on already and has had `depth` turns."""
    turns: list[Turn] = []
    for utterance in utterances:
        await caller.quiet_for(PAUSE_MS)
        turns.append(await ask(caller, utterance, depth + len(turns)))
        on_turn(turns[-1])
    return turns


async def ask(caller: Caller, utterance: Utterance, depth: int = 0) -> Turn:
    """Say one utterance and hear its answer out. The line must be quiet."""
    since = len(caller.messages)
    said = caller.say(utterance.samples, utterance.speech)
    await said.done.wait()
    first_sound_ms = await caller.sound_after(said.last_sound_ms, ANSWER_S)
    if first_sound_ms is not None:
        await _heard_out(caller, first_sound_ms)
    messages = caller.messages[since:]
    total_ms = None if first_sound_ms is None else first_sound_ms - said.last_sound_ms
    parts = _told(messages)
    if first_sound_ms is not None and parts:
        left_ms = await _left_ms(caller, first_sound_ms, sum(parts.values()))
        parts = {**around(caller.arrivals, said, first_sound_ms, left_ms, sum(parts.values())), **parts}
    return Turn(
        name=utterance.name,
        depth=depth,
        total_ms=total_ms,
        into_pause=first_sound_ms is not None and answered_into_a_pause(caller.arrivals, messages, said, first_sound_ms),
        parts=parts,
        marks=_marks(messages, said.last_sound_ms, first_sound_ms),
        longest_gap_ms=0.0 if first_sound_ms is None else longest_gap_ms(caller.arrivals, first_sound_ms),
        transcript=" ".join(m.data["text"] for m in messages if m.type == "user-transcription" and m.data["final"]),
        reply="".join(m.data["text"] for m in messages if m.type == "bot-llm-text").strip(),
        late_ms=late_ms(messages) if parts else None,
    )


async def _heard_out(caller: Caller, first_sound_ms: float) -> None:
    for _ in range(round(60 / FRAME_S)):
        if any(m.type == "bot-stopped-speaking" and m.at_ms > first_sound_ms for m in reversed(caller.messages)):
            return
        await asyncio.sleep(FRAME_S)


def answered_into_a_pause(arrivals: Sequence[Arrival], messages: Sequence[Message], said: Said, first_sound_ms: float) -> bool:
    """Whether something was audible while the person spoke (the line was quiet before), or what became audible after is the
    answer to a turn that was closed before their last sound."""
    if any(said.first_sound_ms <= a.at_ms <= said.last_sound_ms and a.audible for a in arrivals):
        return True
    closed = [m.at_ms for m in messages if m.type == "user-stopped-speaking" and m.at_ms <= first_sound_ms]
    return bool(closed) and max(closed) <= said.last_sound_ms


def longest_gap_ms(arrivals: Sequence[Arrival], from_ms: float) -> float:
    """The longest time between two packets, less the pauses that the sender announced."""
    gaps = [
        after.at_ms - before.at_ms - (after.stamp_ms - before.stamp_ms - FRAME_S * 1000 if before.is_pause else 0.0)
        for before, after in pairwise(arrival for arrival in arrivals if arrival.at_ms >= from_ms)
    ]
    return max(gaps, default=0.0)


def around(
    arrivals: Sequence[Arrival], said: Said, first_sound_ms: float, left_ms: float | None, told_ms: float
) -> dict[str, float]:
    """What came before and after what the appliance tells of: `told_ms` until the first packet left it, at `left_ms`."""
    capture_ms = said.captured_ms - said.last_sound_ms
    if left_ms is None:
        return {CAPTURE: capture_ms, NETWORK: first_sound_ms - said.last_sound_ms - capture_ms - told_ms}
    came_ms = next(arrival.at_ms for arrival in arrivals if arrival.at_ms >= left_ms - SAME_MS)
    return {
        CAPTURE: capture_ms,
        END_HEARD: left_ms - told_ms - said.captured_ms,
        NETWORK: came_ms - left_ms,
        SOFT_START: first_sound_ms - came_ms,
    }


async def _left_ms(caller: Caller, first_sound_ms: float, told_ms: float) -> float | None:
    """When the first packet of the answer was given to the network, if the appliance's clock can be read."""
    end_ms = await caller.end_heard_ms()
    left_ms = None if end_ms is None else end_ms + told_ms
    return left_ms if left_ms is not None and -STRANGE_MS <= left_ms - first_sound_ms <= SAME_MS else None


def _told(messages: Sequence[Message]) -> dict[str, float]:
    parts: dict[str, float] = {}
    for message in messages:
        for processor, value_ms in times(message):
            if (name := processor.removeprefix("turn.")) in PARTS:
                parts[name] = value_ms
    return parts


def _marks(messages: Sequence[Message], last_sound_ms: float, first_sound_ms: float | None) -> dict[str, float]:
    """The last of each until the first sound, and the first text of the last reply; the message that the bot speaks may come
    a little after its first sound."""
    marks: dict[str, float] = {}
    for message in messages:
        name = MARKS.get(message.type)
        if first_sound_ms is not None and message.at_ms > first_sound_ms + 200:
            break
        if message.type == "bot-llm-started":
            marks.pop(MARKS["bot-llm-text"], None)
        elif message.type == "bot-llm-text":
            marks.setdefault(MARKS["bot-llm-text"], message.at_ms - last_sound_ms)
        elif name is not None and (message.type != "user-transcription" or message.data["final"]):
            marks[name] = message.at_ms - last_sound_ms
    return marks
