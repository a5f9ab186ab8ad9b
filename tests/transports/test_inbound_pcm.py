from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.inbound_pcm import InboundPcm


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[float, Int16]] = []
        self.loop = asyncio.get_running_loop()
        self.pcm = InboundPcm(lambda samples, at_ms: self.heard.append((at_ms, samples)), self.loop)

    @property
    def samples(self) -> int:
        return sum(samples.size for _, samples in self.heard)

    def now_ms(self) -> float:
        return self.loop.time() * 1000


def noise(samples: int) -> Int16:
    return np.full(samples, 500, np.int16)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def story() -> None:
        await scenario()

    virtual_clock.run(story())


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_any_rate_becomes_16_khz(rate: int) -> None:
    async def scenario() -> None:
        ear = Ear()
        for _ in range(50):
            ear.pcm.push(noise(rate // 50), rate)
            await asyncio.sleep(0.02)
        ear.pcm.close()
        assert abs(ear.samples - 16_000) < 100

    run(scenario)


def test_a_large_piece_is_delivered_in_small_ones_that_arrived_one_after_the_other() -> None:
    async def scenario() -> None:
        ear = Ear()
        await asyncio.sleep(1)
        ear.pcm.push(noise(1600), 16_000)
        ear.pcm.close()
        now_ms = ear.now_ms()
        assert [samples.size for _, samples in ear.heard] == [320] * 5
        assert [round(now_ms - at_ms) for at_ms, _ in ear.heard] == [80, 60, 40, 20, 0]

    run(scenario)


def test_time_never_runs_backwards_when_what_was_held_up_comes_at_once() -> None:
    async def scenario() -> None:
        ear = Ear()
        ear.pcm.push(noise(320), 16_000)
        await asyncio.sleep(0.1)
        ear.pcm.push(noise(3200), 16_000)
        ear.pcm.close()
        times = [at_ms for at_ms, _ in ear.heard]
        assert times == sorted(times)

    run(scenario)


def test_silence_is_made_up_when_nothing_comes_and_not_for_ever() -> None:
    async def scenario() -> None:
        ear = Ear()
        ear.pcm.push(noise(320), 16_000)
        await asyncio.sleep(1)
        assert abs(ear.samples - 16_000) < 1000
        await asyncio.sleep(30)
        assert 9 * 16_000 < ear.samples < 11 * 16_000
        assert not any(samples.any() for _, samples in ear.heard[1:])
        ear.pcm.push(noise(320), 16_000)
        assert ear.heard[-1][1].any()
        await asyncio.sleep(1)
        assert not ear.heard[-1][1].any()
        ear.pcm.close()

    run(scenario)


def test_sound_that_comes_faster_than_time_is_dropped_after_a_while() -> None:
    async def scenario() -> None:
        ear = Ear()
        for _ in range(100):
            ear.pcm.push(noise(16_000), 16_000)
        assert ear.samples == 30 * 16_000
        assert ear.pcm.dropped_samples == 70 * 16_000
        await asyncio.sleep(2)
        before = ear.samples
        ear.pcm.push(noise(16_000), 16_000)
        ear.pcm.close()
        assert ear.samples == before + 16_000

    run(scenario)


@pytest.mark.parametrize("rate", [0, 1, 7_999, 48_001, 2**40])
def test_impossible_rates_are_refused(rate: int) -> None:
    async def scenario() -> None:
        ear = Ear()
        with pytest.raises(ValueError, match="Hz"):
            ear.pcm.push(noise(320), rate)
        assert ear.heard == []
        ear.pcm.close()

    run(scenario)
