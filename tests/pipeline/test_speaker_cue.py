"""The sound that fills the wait for a reply, as the speaker plays it."""

from __future__ import annotations

import asyncio

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    Clause,
    Cue,
    Interrupted,
    ReplyDelivered,
    ReplyEnded,
    ReplyStarted,
    TurnCommitted,
    TurnStarted,
    VoicePaused,
)
from tests.pipeline.test_speaker import FRAME, RATE, Listened, reply

CUE = Cue(np.full(25 * FRAME, 500, np.int16), RATE, 1)
"""Half a second."""


def test_it_is_played_at_once_and_does_not_count_as_speaking() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(TurnCommitted(1, 0.0), CUE)
        await asyncio.sleep(0.7)
        await world.speaker.close()
        assert int(np.count_nonzero(world.samples == 500)) == 25 * FRAME
        assert world.frames == []

    virtual_clock.run(story())


def test_the_reply_takes_over_without_waiting_and_without_a_gap() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(TurnCommitted(1, 0.0), CUE)
        await asyncio.sleep(0.1)
        world.receive(*reply())
        given_ms = world.loop.time() * 1000
        await asyncio.sleep(0.5)
        await world.speaker.close()
        started = world.of(BotStartedSpeaking)
        assert len(started) == 1
        assert isinstance(started[0], BotStartedSpeaking)
        assert started[0].at_ms - given_ms <= 20
        samples = world.samples.astype(int)
        loud = np.nonzero(samples)[0]
        assert np.all(samples[loud[0] : loud[-1]] > 0)
        fade = samples[(samples > 1000)]
        assert 0 < fade.size < RATE * 30 // 1000  # the cue goes under the reply within 30 ms
        assert np.all(np.diff(fade) <= 0)

    virtual_clock.run(story())


def test_where_the_reply_is_ready_nothing_is_to_be_filled() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(*reply(), TurnCommitted(1, 0.0), CUE)
        await asyncio.sleep(0.5)
        await world.speaker.close()
        assert set(np.unique(world.samples)) == {0, 1000}

    virtual_clock.run(story())


def test_it_stops_when_the_person_speaks_or_the_reply_is_dead() -> None:
    async def story() -> None:
        for end in (TurnStarted(0.0), Interrupted(1, 0.0), VoicePaused()):
            world = Listened()
            world.receive(TurnCommitted(1, 0.0), CUE)
            await asyncio.sleep(0.1)
            world.receive(end)
            await asyncio.sleep(0.5)
            await world.speaker.close()
            assert 0 < np.count_nonzero(world.samples) < RATE * 150 // 1000

    virtual_clock.run(story())


def test_it_stops_when_the_reply_turns_out_to_be_silent() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(TurnCommitted(1, 0.0), CUE)
        await asyncio.sleep(0.1)
        world.receive(ReplyStarted(1), Clause(1, "Hi", "", 1, speak=False), ReplyEnded(1))
        await asyncio.sleep(0.5)
        await world.speaker.close()
        assert len(world.of(ReplyDelivered)) == 1
        assert np.count_nonzero(world.samples) < RATE * 150 // 1000

    virtual_clock.run(story())
