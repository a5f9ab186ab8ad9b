"""An interrupted answer, and the numbers of its words that were remembered and heard. Pure but for Whisper's clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtvi_local.audio.pcm import Int16, to_float
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.bounds import HEADS, rows_of
from rtvi_local.bench.caller import Arrival
from rtvi_local.bench.heard_until import LEAST_LIKENESS, end_of, words_said
from rtvi_local.bench.report import aligned
from rtvi_local.bench.speech import CALLER_RATE
from rtvi_local.bench.turns.kind import Figure
from rtvi_local.bench.word_clock import WordClock
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.pipeline.context import Message
from rtvi_local.pipeline.frames import Clause, Frame, Speech

STORY = (
    "Once there was a small dragon who lived in a cave above the sea. Every morning he looked down at the fishing boats, and "
    "every evening he counted them again. One day a boat was missing. The dragon was afraid of water, but he was more afraid "
    "for the people in the boat. So he opened his wings, took a deep breath, and flew out over the waves for the first time "
    "in his life. Behind the third island he saw a light, and heard somebody singing."
)
FADED_MS = 60
"""After the voice has stopped nothing of it arrives that is younger."""


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


def trial(
    way: str,
    after_s: float,
    frames: Sequence[Frame],
    messages: Sequence[Message],
    arrivals: Sequence[Arrival],
    clock: WordClock,
) -> Trial:
    """What was remembered (`messages`) of the first reply in `frames`, and what of it arrived."""
    remembered = next((str(message["content"]) for message in messages if message["role"] == "assistant"), "")
    story = next(frame.revision for frame in frames if isinstance(frame, Clause))
    clauses = [frame for frame in frames if isinstance(frame, Clause) and frame.revision == story]
    speech = [frame for frame in frames if isinstance(frame, Speech) and frame.revision == story]
    sound = _listening(np.concatenate([frame.samples for frame in speech]), speech[0].sample_rate)
    place = end_of(_listening(recorded(arrivals), CALLER_RATE), sound)
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


def figures(found: Sequence[Trial]) -> list[Figure]:
    """Bound is what the recording shows by a clock that is not the voice's own: the other would agree with a clock that is
    wrong."""
    by_whisper, by_voice = (
        sum(abs(off) <= 1 for off in offs) for offs in ([t.off_by_whisper for t in found], [t.off for t in found])
    )
    unsure = sum(trial.likeness < LEAST_LIKENESS for trial in found)
    return [
        Figure("remembered to within one word of the recording", by_whisper, of=len(found), at_least=len(found)),
        Figure("the same by the voice's own clock", by_voice, of=len(found)),
        Figure("recordings whose end was not found in the sound", unsure, of=len(found), at_most=0),
    ]


def report(found: Sequence[Trial]) -> str:
    lines = [aligned(HEADS, rows_of(figures(found)))]
    for title, offs in (("Whisper's clock", [t.off_by_whisper for t in found]), ("the voice's clock", [t.off for t in found])):
        spread = ", ".join(f"{off:+d}: {count}" for off, count in sorted(Counter(offs).items()))
        lines.append(f"remembered words less heard words, by {title}: {spread}")
    lines += [f"  {trial}" for trial in found if abs(trial.off) > 1 or abs(trial.off_by_whisper) > 1]
    return "\n".join(lines)
