from __future__ import annotations

from rtvi_local.server.limits import RateLimiter


def test_a_burst_is_allowed_and_then_a_rate() -> None:
    now = [0.0]
    limiter = RateLimiter(2.0, 3, clock=lambda: now[0])
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]
    now[0] = 0.4
    assert limiter.take("a") == 1
    now[0] = 0.5
    assert limiter.take("a") == 0
    assert limiter.take("a") == 1


def test_each_address_has_its_own_allowance() -> None:
    limiter = RateLimiter(1.0, 1, clock=lambda: 0.0)
    assert [limiter.take("a"), limiter.take("b"), limiter.take("a")] == [0, 0, 1]


def test_it_says_when_to_come_back() -> None:
    limiter = RateLimiter(0.1, 1, clock=lambda: 0.0)
    limiter.take("a")
    assert limiter.take("a") == 10


def test_it_remembers_no_more_addresses_than_it_should() -> None:
    limiter = RateLimiter(1.0, 1, clock=lambda: 0.0, remembered=2)
    for key in ("a", "b", "c"):
        limiter.take(key)
    assert limiter.take("a") == 0
    assert limiter.take("c") == 1
