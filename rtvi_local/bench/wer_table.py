"""Word error rates and times of several ways to transcribe the same utterances, counted. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtvi_local.bench.turns.report import MARKS

WAYS = ("stock", "short", "grown")
LENGTHS = {"under 4 s": (0.0, 4.0), "4 to 10 s": (4.0, 10.0), "over 10 s": (10.0, 1000.0)}
MOST_WORSE_PERCENT = 1.0
"""By how many points of word errors the appliance's own way may be worse than stock."""
_RESAMPLED = 2000


@dataclass(frozen=True, slots=True)
class Way:
    """How one of them did with one utterance."""

    text: str
    errors: int
    encode_ms: float
    """Everything, of stock, which does not tell."""
    decode_ms: float

    @property
    def took_ms(self) -> float:
        return self.encode_ms + self.decode_ms


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    kind: str
    text: str
    words: int
    duration_s: float
    stock: Way
    short: Way
    grown: Way
    tail_s: float
    """Audio in the last pass of the grown way."""
    first_words_ms: float | None
    flagged: bool
    """Taken for an invention although somebody spoke."""

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Result:
        """From its asdict."""
        return cls(**{**kept, **{way: Way(**kept[way]) for way in WAYS}})


@dataclass(frozen=True, slots=True)
class Row:
    kind: str
    utterances: int
    words: int
    wer_percent: Mapping[str, float]
    wer_interval: Mapping[str, tuple[float, float]]
    """Of 95 %, by drawing utterances anew."""
    grown_against_stock: tuple[float, float, float]
    """Percentage points: the difference, and its interval."""
    encode_ms: Mapping[str, float]
    decode_ms: Mapping[str, float]
    """Medians of the last pass."""
    median_ms: Mapping[str, float]
    tail_s: float
    flagged: int


def rows(results: Sequence[Result]) -> list[Row]:
    """One for each of the surroundings, for each length, and for all."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.kind, []).append(result)
    for length, (least_s, most_s) in LENGTHS.items():
        groups[length] = [result for result in results if least_s <= result.duration_s < most_s]
    groups["all"] = list(results)
    return [_row(name, group) for name, group in groups.items() if group]


def _row(kind: str, results: Sequence[Result]) -> Row:
    words = np.array([result.words for result in results])
    drawn = np.random.default_rng(1).integers(0, len(results), (_RESAMPLED, len(results)))
    errors = {way: np.array([getattr(result, way).errors for result in results]) for way in WAYS}
    rates = {way: 100 * errors[way][drawn].sum(1) / words[drawn].sum(1) for way in WAYS}
    percent = {way: 100 * float(errors[way].sum() / words.sum()) for way in WAYS}

    def median(part: str) -> dict[str, float]:
        return {way: statistics.median(getattr(getattr(result, way), part) for result in results) for way in WAYS}

    return Row(
        kind=kind,
        utterances=len(results),
        words=int(words.sum()),
        wer_percent=percent,
        wer_interval={way: _interval(rates[way]) for way in WAYS},
        grown_against_stock=(percent["grown"] - percent["stock"], *_interval(rates["grown"] - rates["stock"])),
        encode_ms=median("encode_ms"),
        decode_ms=median("decode_ms"),
        median_ms=median("took_ms"),
        tail_s=statistics.median(result.tail_s for result in results),
        flagged=sum(result.flagged for result in results),
    )


def holds(difference: float) -> bool:
    """Whether the bound does, by the rates as they are found; in a small group one word decides, as the interval tells."""
    return difference <= MOST_WORSE_PERCENT


def _interval(drawn: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def table(counted: Sequence[Row]) -> str:
    bound = f"≤ {MOST_WORSE_PERCENT:+.1f}"
    lines = [
        f"{'':<26}   {'word errors, % (95 % interval)':^53}   {'grown - stock':^20}   {bound:<6}   last pass, median ms",
        f"{'':<15}{'n':>4}{'words':>7}   {'30 s':^17}{'cut':^18}{'grown':^18}   {'':<20}   {'holds':<6}   "
        f"{'30 s':>5}{'cut':>16}{'grown':>16}",
    ]
    for row in counted:
        rates = "".join(
            f"{row.wer_percent[way]:>5.1f} ({row.wer_interval[way][0]:>4.1f}-{row.wer_interval[way][1]:>4.1f}) " for way in WAYS
        )
        difference, low, high = row.grown_against_stock
        held = MARKS[holds(difference)]
        times = "".join(f"{row.encode_ms[way]:>10.0f} +{row.decode_ms[way]:>4.0f}" for way in ("short", "grown"))
        lines.append(
            f"{row.kind:<15}{row.utterances:>4}{row.words:>7}   {rates:<53}   {difference:>+5.1f} ({low:>+5.1f} {high:>+5.1f})"
            f"   {held:<6}   {row.median_ms['stock']:>5.0f}{times}   tail {row.tail_s:.1f} s, {row.flagged} flagged"
        )
    return "\n".join(lines) + "\n"
