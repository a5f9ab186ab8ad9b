"""Results of a comparison, made up."""

from __future__ import annotations

from rtvi_local.bench.wer_table import Result, Way


def wer_result(
    *,
    name: str = "one",
    kind: str = "quiet",
    words: int = 10,
    duration_s: float = 2.0,
    stock_errors: int = 0,
    grown_errors: int = 0,
    grown_ms: float = 100.0,
) -> Result:
    return Result(
        name=name,
        kind=kind,
        text="a b",
        words=words,
        duration_s=duration_s,
        stock=Way("a b", stock_errors, 700.0, 0.0),
        short=Way("a b", 0, 50.0, 90.0),
        grown=Way("a b", grown_errors, 40.0, grown_ms - 40.0),
        tail_s=2.0,
        first_words_ms=480.0,
        flagged=False,
    )
