"""When a chunk of the voice comes too late."""

from __future__ import annotations

from rtvi_local.bench.tts import late_ms


def test_a_chunk_is_late_by_the_silence_before_it() -> None:
    assert late_ms([(25.0, 100.0), (60.0, 200.0), (90.0, 400.0)]) == 0
    assert late_ms([(25.0, 100.0), (165.0, 200.0), (375.0, 400.0)]) == 40.0, "the third is due 200 ms after the late second"
