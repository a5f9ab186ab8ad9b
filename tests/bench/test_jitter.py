from __future__ import annotations

from rtvi_local.bench.jitter import CASES, aiortc_delays, our_delays, table


def test_the_simulation_finds_in_aiortc_what_others_found() -> None:
    assert aiortc_delays(CASES["no loss"]()).median_ms == 80
    assert aiortc_delays(CASES["one packet lost"]()).last_ms == 280


def test_ours_adds_no_delay_that_stays() -> None:
    for arrivals in CASES.values():
        result = our_delays(arrivals())
        assert (result.median_ms, result.last_ms) == (0, 0)
        assert result.longest_ms <= 20


def test_ours_throws_next_to_nothing_away() -> None:
    assert our_delays(CASES["1.2 % lost at random"]()).discarded == 0
    assert our_delays(CASES["jitter 0-35 ms, reordered"]()).discarded < 10


def test_the_table_has_a_line_for_each_case() -> None:
    assert len(table()) == 1 + len(CASES)
