"""What was heard is what is remembered: interrupts the bot at many points, over real WebRTC, and compares.

    python -m rtvi_local.bench.heard [--interruptions 30] [--save docs/heard.json] [--json]

Three numbers of words for each interruption: what the context holds of the reply; what the listener's recording contains by the
voice's own word clock; and the same by Whisper's forced alignment of the text with the sound, which knows nothing of the
voice's clock. Where the recording ends is found by laying it over the sound that the voice made, sample by sample.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from rtvi_local.audio.pcm import to_float
from rtvi_local.bench.caller import Arrival, Caller, Said
from rtvi_local.bench.heard_until import LEAST_LIKENESS, end_of, words_said
from rtvi_local.bench.inside import Inside, inside
from rtvi_local.bench.sitting import machine
from rtvi_local.bench.speech import CALLER_RATE, resampled, synthesize
from rtvi_local.bench.word_clock import WordClock
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Int16
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.pipeline.frames import Clause, Speech

STORY = (
    "Once there was a small dragon who lived in a cave above the sea. Every morning he looked down at the fishing boats, and "
    "every evening he counted them again. One day a boat was missing. The dragon was afraid of water, but he was more afraid "
    "for the people in the boat. So he opened his wings, took a deep breath, and flew out over the waves for the first time "
    "in his life. Behind the third island he saw a light, and heard somebody singing."
)
WAYS = ("Wait a moment, please.", "What is the capital of France?", "tts:interrupt", "No, stop, that is wrong.", "typed")
"""By voice, by a client's button, by a message in writing."""
FIRST_S, LAST_S = 0.3, 14.0
"""Into the reply, spread evenly: earliest and latest interruption."""


@dataclass(frozen=True, slots=True)
class Trial:
    way: str
    after_s: float
    heard_s: float
    """Of the voice's sound, found in the recording."""
    likeness: float
    remembered: int
    by_voice: int
    by_whisper: int
    last_words: str
    """The end of what the context holds."""

    @property
    def off(self) -> int:
        return self.remembered - self.by_voice

    @property
    def off_by_whisper(self) -> int:
        return self.remembered - self.by_whisper


def own_clock(clauses: Sequence[Clause], speech: Sequence[Speech]) -> list[float]:
    """When each word of a reply ends, in seconds of its sound, as the voice itself says: as many words as have been spoken."""
    ends_s: list[float] = []
    begun = 0
    for clause in clauses:
        pieces = [piece for piece in speech if piece.segment_id == clause.segment_id]
        words = len(clause.text.split())
        known: dict[int, int] = {}
        for timing in (timing for piece in pieces for timing in piece.words):
            known[len(clause.text[: timing.end_char].split())] = begun + timing.end_sample
        end = 0
        for word in range(1, words + 1):
            later = [known[count] for count in known if count >= word]
            if not later:
                return ends_s
            end = known.get(word, min(later))
            ends_s.append(end / pieces[0].sample_rate)
        begun += sum(piece.samples.size for piece in pieces)
    return ends_s


def recorded(arrivals: Sequence[Arrival]) -> Int16:
    """What a listener's recording holds: every packet where its time stamp puts it, however late it came. 48 kHz."""
    if not arrivals:
        return np.zeros(0, np.int16)
    first_ms = min(arrival.stamp_ms for arrival in arrivals)
    places = [(round((arrival.stamp_ms - first_ms) * CALLER_RATE / 1000), arrival.samples) for arrival in arrivals]
    recording = np.zeros(max(start + samples.size for start, samples in places), np.int16)
    for start, samples in places:
        recording[start : start + samples.size] = samples
    return recording


async def trials(at: Inside, caller: Caller, voice: PiperVoice, clock: WordClock, count: int) -> list[Trial]:
    spoken = {way: await synthesize(voice, way) for way in WAYS if way.endswith((".", "?"))}
    found: list[Trial] = []
    for number, way in zip(range(count), itertools.cycle(WAYS), strict=False):
        # Neighbours are far apart, so that every way has early and late ones.
        after_s = FIRST_S + (LAST_S - FIRST_S) * ((number * 7) % count) / max(1, count - 1)
        found.append(await _trial(at, caller, way, spoken, after_s, clock))
        sys.stderr.write(f"{number + 1}/{count} {found[-1]}\n")
    return found


async def _trial(at: Inside, caller: Caller, way: str, spoken: dict[str, Int16], after_s: float, clock: WordClock) -> Trial:
    await _quiet(at, caller)
    at.frames.clear()
    began_ms, since = caller.now_ms(), len(caller.messages)
    caller.send("client-message", {"t": "tts:say", "d": {"text": STORY}})
    await caller.sound_after(began_ms, 20)
    await asyncio.sleep(after_s)
    said: Said | None = None
    if way in spoken:
        said = caller.say(spoken[way])
    elif way == "typed":
        caller.send("send-text", {"content": "Never mind.", "options": {"run_immediately": True, "audio_response": False}})
    else:
        caller.send("client-message", {"t": way})
    await caller.wait_for("bot-stopped-speaking", since=since, timeout_s=30)
    stopped_ms = caller.now_ms()
    await asyncio.sleep(0.1)  # what was sent before may still be on its way
    if said is not None:
        await said.done.wait()
    messages = at.conversation.context.messages
    await _until(lambda: any(message["role"] == "assistant" for message in messages), 3)
    remembered = next((str(m["content"]) for m in messages if m["role"] == "assistant"), "")
    caller.send("client-message", {"t": "tts:interrupt"})  # whatever answers the interruption is not of interest
    story = next(frame.revision for frame in at.frames if isinstance(frame, Clause))
    clauses = [frame for frame in at.frames if isinstance(frame, Clause) and frame.revision == story]
    speech = [frame for frame in at.frames if isinstance(frame, Speech) and frame.revision == story]
    sound = _listening(np.concatenate([frame.samples for frame in speech]), speech[0].sample_rate)
    recording = recorded([a for a in caller.arrivals if began_ms <= a.at_ms < stopped_ms + 60])
    place = end_of(_listening(recording, CALLER_RATE), sound)
    ends_s = own_clock(clauses, speech)
    # What the voice had not yet said by then was not heard.
    said_words = "".join(clause.text for clause in clauses).split()[: len(ends_s)]
    by_whisper = clock.ends_s(sound[: int((ends_s[-1] + 0.1) * LISTENING_SAMPLE_RATE)], said_words) if ends_s else []
    return Trial(
        way=way,
        after_s=round(after_s, 2),
        heard_s=round(place.at_s, 3),
        likeness=round(place.likeness, 3),
        remembered=len(remembered.split()),
        by_voice=words_said(ends_s, place.at_s),
        by_whisper=words_said(by_whisper, place.at_s),
        last_words=" ".join(remembered.split()[-3:]),
    )


def _listening(samples: Int16, rate: int) -> Float32:
    return to_float(resampled(samples, rate, LISTENING_SAMPLE_RATE))


async def _quiet(at: Inside, caller: Caller) -> None:
    await _until(lambda: at.conversation.controls.is_idle, 30)
    await caller.quiet_for(500)
    caller.send("client-message", {"t": "context:clear"})
    await _until(lambda: len(at.conversation.context.messages) <= 1, 5)


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    for _ in range(int(timeout_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)


def report(found: Sequence[Trial]) -> str:
    lines = []
    for title, offs in (("the voice's clock", [t.off for t in found]), ("Whisper's clock", [t.off_by_whisper for t in found])):
        spread = ", ".join(f"{off:+d}: {count}" for off, count in sorted(Counter(offs).items()))
        within = sum(abs(off) <= 1 for off in offs)
        lines.append(f"remembered words less heard words, by {title}: {spread}; within one word {within} of {len(offs)}")
    lines += [f"  {trial}" for trial in found if abs(trial.off) > 1 or abs(trial.off_by_whisper) > 1]
    unsure = sum(trial.likeness < LEAST_LIKENESS for trial in found)
    return "\n".join([*lines, f"recordings whose end could not be found in the sound: {unsure}"])


async def measure(count: int) -> list[Trial]:
    async with inside() as at:
        voice = PiperVoice.load(at.models / "piper-en_US-joe-medium", device="cpu", threads=1)
        clock = WordClock(at.models / "whisper-base")
        try:
            async with Caller(at.url) as caller:
                return await trials(at, caller, voice, clock, count)
        finally:
            voice.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.heard", description=__doc__.partition("\n")[0])
    parser.add_argument("--interruptions", type=int, default=30, metavar="N", help="how many (default 30)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write them there as JSON")
    options = parser.parse_args(arguments)
    found = asyncio.run(measure(options.interruptions))
    figures = json.dumps({"machine": machine(), "measured": date.today().isoformat(), "trials": [asdict(t) for t in found]})
    if options.save:
        options.save.write_text(figures + "\n", encoding="utf-8")
    sys.stdout.write((figures if options.json else report(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
