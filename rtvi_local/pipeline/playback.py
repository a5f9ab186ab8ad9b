"""What is left of a reply to be played, and how much of it has been heard. Pure: samples in, samples out, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler
from rtvi_local.pipeline.frames import Clause, Heard, Speech, WordTiming


@dataclass(slots=True)
class _Segment:
    clause: Clause
    pieces: deque[Int16] = field(default_factory=deque)
    words: deque[WordTiming] = field(default_factory=deque)
    """In samples of the output, counted from the segment's first."""
    played: int = 0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """Silence in the middle of a reply, because the sound that was due was not there."""

    samples: int
    in_clause: bool
    """It tore a clause apart. Between two clauses the voice may have waited for words."""


class Playback:
    """One reply, at the rate of the output."""

    def __init__(self, revision: int, output_rate: int) -> None:
        self.revision = revision
        self._output_rate = output_rate
        self._resampler: Resampler | None = None
        self._segments: deque[_Segment] = deque()
        self._by_id: dict[int, _Segment] = {}
        self._ended = False
        self._sounding: _Segment | None = None
        """Whose sound was taken last."""
        self._missing = 0
        """Asked for since then, and not there: a hole, if more sound follows."""
        self.hole: Hole | None = None
        """What came to its end in the last `take`."""

    def expect(self, clause: Clause) -> None:
        segment = _Segment(clause, complete=not clause.speak)
        self._segments.append(segment)
        self._by_id[clause.segment_id] = segment

    def add(self, speech: Speech) -> None:
        segment = self._by_id.get(speech.segment_id)
        if segment is None:
            return
        if self._resampler is None:
            self._resampler = Resampler(speech.sample_rate, self._output_rate)
        scale = self._output_rate / speech.sample_rate
        segment.words.extend(WordTiming(word.end_char, round(word.end_sample * scale)) for word in speech.words)
        samples = self._resampler.push(speech.samples)
        if samples.size:
            segment.pieces.append(samples)
        segment.complete = segment.complete or speech.last

    def end(self) -> None:
        """No further clause will come."""
        self._ended = True

    @property
    def delivered(self) -> bool:
        return self._ended and not self._segments

    @property
    def is_whole(self) -> bool:
        """All of its sound is there, to be played."""
        return self._ended and all(segment.complete for segment in self._segments)

    @property
    def has_sound(self) -> bool:
        return any(segment.pieces for segment in self._segments)

    def take(self, count: int) -> tuple[Int16, list[Heard]]:
        """The next samples (fewer than `count` where no more are known yet), and what will have been heard by then."""
        taken: list[Int16] = []
        heard: list[Heard] = []
        missing = count
        self.hole = None
        while self._segments:
            segment = self._segments[0]
            if missing and segment.pieces:
                self._sounds(segment)
            while missing and segment.pieces:
                piece = segment.pieces.popleft()
                if piece.size > missing:
                    segment.pieces.appendleft(piece[missing:])
                    piece = piece[:missing]
                taken.append(piece)
                missing -= piece.size
                segment.played += piece.size
            progress = self._progress(segment)
            if progress is not None:
                heard.append(progress)
            if segment.pieces or not segment.complete:
                break
            self._segments.popleft()
        if self._sounding is not None:
            self._missing += missing
        return (np.concatenate(taken) if taken else np.zeros(0, np.int16)), heard

    def peek(self, count: int) -> Int16:
        """What `take` would give, without taking it."""
        pieces: list[Int16] = []
        missing = count
        for segment in self._segments:
            for piece in segment.pieces:
                pieces.append(piece[:missing])
                missing -= pieces[-1].size
                if not missing:
                    break
            if not missing or not segment.complete:
                break
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    def _sounds(self, segment: _Segment) -> None:
        if self._missing:
            self.hole = Hole(self._missing, segment is self._sounding)
            self._missing = 0
        self._sounding = segment

    def _progress(self, segment: _Segment) -> Heard | None:
        clause = segment.clause
        if not clause.speak:
            return None
        if segment.complete and not segment.pieces:
            return Heard(clause.segment_id, clause.text, len(clause.text), True, self.revision)
        end_char = 0
        while segment.words and segment.words[0].end_sample <= segment.played:
            end_char = segment.words.popleft().end_char
        return Heard(clause.segment_id, clause.text, end_char, False, self.revision) if end_char else None
