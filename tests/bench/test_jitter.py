from __future__ import annotations

from rtvi_local.bench.jitter import CASES, aiortc_delays, heard_of, our_delays, table


def test_the_simulation_finds_in_aiortc_what_others_found() -> None:
    assert aiortc_delays(CASES["no loss"]()).median_ms == 80
    assert aiortc_delays(CASES["one packet lost"]()).last_ms == 280


def test_ours_adds_no_delay_that_stays() -> None:
    for name, arrivals in CASES.items():
        result = our_delays(arrivals())
        assert (result.median_ms, result.last_ms) == (0, 0)
        # Where packets overtake one another by 40 ms, a hole has to be waited for as long.
        assert result.longest_ms <= (40 if "20-60" in name else 20)


def test_ours_throws_next_to_nothing_away() -> None:
    assert our_delays(CASES["1.2 % lost at random"]()).discarded == 0
    assert our_delays(CASES["jitter 0-35 ms, reordered"]()).discarded < 10


def test_what_is_heard_is_as_long_as_what_was_said_and_nothing_is_put_into_it() -> None:
    for name in ("stalls of 150 ms", "jitter 20-60 ms, 5 % lost", "discontinuous"):
        heard = heard_of(CASES[name]()[:800])
        assert abs(heard.heard_s - heard.sent_s) <= 0.04, name


def test_what_was_lost_is_made_up_for_at_nearly_its_level() -> None:
    level_db = heard_of(CASES["1.2 % lost at random"]()[:1500]).lost_db
    assert level_db is not None
    assert level_db > -3


def test_the_table_has_a_line_for_each_case() -> None:
    assert len(table()) == 1 + len(CASES)
