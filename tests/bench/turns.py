"""Turns to reckon with."""

from __future__ import annotations

from typing import Any

from rtvi_local.bench.latency import Turn


def turn(total_ms: float | None = 500.0, **changes: Any) -> Turn:
    whole = total_ms or 0.0
    values: dict[str, Any] = {
        "name": "Why is the sky blue?",
        "depth": 0,
        "total_ms": total_ms,
        "into_pause": False,
        "parts": {"network": whole - 300, "silence": 100.0, "stt_decode": 120.0, "first_token": 80.0},
        "marks": {},
        "longest_gap_ms": 20.0,
        "transcript": "Why is the sky blue?",
        "reply": "Air scatters blue light most.",
    }
    return Turn(**{**values, **changes})
