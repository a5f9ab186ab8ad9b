from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Clause,
    Frame,
    Heard,
    Interrupted,
    Measured,
    ReplyDelivered,
    ReplyEnded,
    ReplyStarted,
    Speech,
    Superseded,
    TurnCommitted,
    VoicePaused,
    VoiceResumed,
    WordTiming,
)
from rtvi_local.pipeline.speaker import LATE_BETWEEN_CLAUSES, LATE_IN_CLAUSE, Speaker

RATE = 16_000
FRAME = 320
LOUD = 1000


class Listened:
    """A speaker, what it sent, and what it said about it."""

    def __init__(self, unsent_frames: int = 0) -> None:
        self.sent: list[tuple[float, Int16]] = []
        self.frames: list[Frame] = []
        self.loop = asyncio.get_running_loop()
        self.speaker = Speaker(self._take, RATE, unsent_frames=lambda: unsent_frames)
        self.speaker.emit = self.frames.append
        self.speaker.start()

    def _take(self, samples: Int16) -> None:
        self.sent.append((self.loop.time() * 1000, samples))

    def receive(self, *frames: Frame) -> None:
        for frame in frames:
            self.speaker.receive(frame)

    def of(self, *kinds: type) -> list[Frame]:
        return [frame for frame in self.frames if isinstance(frame, kinds)]

    @property
    def samples(self) -> Int16:
        return np.concatenate([samples for _, samples in self.sent])


def reply(revision: int = 1, count: int = 10 * FRAME, words: Sequence[WordTiming] = ()) -> list[Frame]:
    loud = np.full(count, LOUD, np.int16)
    return [
        ReplyStarted(revision),
        Clause(1, "Hello there", "Hello there", revision),
        Speech(1, loud, RATE, revision, tuple(words), last=True),
        ReplyEnded(revision),
    ]


def assert_fades(samples: Int16) -> None:
    """From LOUD to nothing in 20 to 40 ms, and evenly: no step that clicks."""
    assert 0.02 * RATE <= samples.size <= 0.04 * RATE
    course = np.diff(samples.astype(int), prepend=LOUD, append=0)
    assert np.all(course <= 0)
    assert np.all(course >= -LOUD / (0.02 * RATE) - 1)


def test_a_frame_leaves_every_20_ms_whether_there_is_something_to_say_or_not() -> None:
    async def story() -> None:
        world = Listened()
        await asyncio.sleep(1.001)
        await world.speaker.close()
        times = [at_ms for at_ms, _ in world.sent]
        assert len(times) == 51
        assert np.allclose(np.diff(times), 20)
        assert all(samples.size == FRAME and not samples.any() for _, samples in world.sent)

    virtual_clock.run(story())


def test_where_no_silence_leaves_it_wakes_up_seldom_and_a_reply_begins_at_once_all_the_same() -> None:
    async def story() -> None:
        world = Listened(unsent_frames=4)
        await asyncio.sleep(1.051)
        assert sorted({round(at_ms) for at_ms, _ in world.sent}) == [0, *range(100, 1001, 100)]
        assert len(world.sent) == 51
        world.receive(*reply(), TurnCommitted(1, 0))
        assert len(world.sent) == 54, "the silence that was due at 1020 and 1040 ms, and the first sound"
        assert [bool(samples.any()) for _, samples in world.sent[51:]] == [False, False, True]
        await asyncio.sleep(0.181)
        assert np.allclose(np.diff([at_ms for at_ms, _ in world.sent[53:]]), 20)
        assert int(np.count_nonzero(world.samples)) == 10 * FRAME
        await asyncio.sleep(1.0)
        assert len(world.sent) == pytest.approx(2.231 / 0.02, abs=5), "nothing is left out"
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_tentative_reply_is_held_until_its_turn_is_committed() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(*reply())
        await asyncio.sleep(0.5)
        assert not world.samples.any()
        assert world.frames == []
        world.receive(TurnCommitted(1, 0))
        await asyncio.sleep(0.3)
        assert int(np.count_nonzero(world.samples)) == 10 * FRAME
        assert [type(frame) for frame in world.frames] == [BotStartedSpeaking, Heard, BotStoppedSpeaking, ReplyDelivered]
        assert world.of(BotStoppedSpeaking) == [BotStoppedSpeaking(1, True, world.frames[2].at_ms)]  # type: ignore[union-attr]
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_superseded_reply_is_never_heard() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(*reply(), Superseded(1), TurnCommitted(2, 0))
        await asyncio.sleep(0.5)
        assert not world.samples.any()
        assert world.frames == []
        await world.speaker.close()

    virtual_clock.run(story())


def test_an_interruption_fades_the_voice_out_and_what_was_not_heard_is_not_reported() -> None:
    async def story() -> None:
        world = Listened()
        words = [WordTiming(5, 3 * FRAME), WordTiming(11, 10 * FRAME)]
        world.receive(*reply(words=words), TurnCommitted(1, 0))
        await asyncio.sleep(0.11)
        world.receive(Interrupted(1, 0))
        sounding = int(np.count_nonzero(world.samples))
        await asyncio.sleep(0.5)
        after = world.samples[np.flatnonzero(world.samples)][sounding:]
        assert_fades(after)  # it is all that follows
        assert world.of(Heard) == [Heard(1, "Hello there", 5, False, 1)]
        assert [frame.finished for frame in world.of(BotStoppedSpeaking)] == [False]  # type: ignore[union-attr]
        assert world.of(ReplyDelivered) == []
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_paused_voice_comes_back_where_it_left_without_losing_or_repeating_more_than_the_fade() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(*reply(count=50 * FRAME), TurnCommitted(1, 0))
        await asyncio.sleep(0.3)
        world.receive(VoicePaused())
        sounding = int(np.count_nonzero(world.samples))
        await asyncio.sleep(0.1)
        faded = world.samples[np.flatnonzero(world.samples)][sounding:]
        assert_fades(faded)
        silent_from = len(world.sent)
        await asyncio.sleep(0.3)
        assert not any(samples.any() for _, samples in world.sent[silent_from:])
        assert world.of(BotStoppedSpeaking) == []
        world.receive(VoiceResumed())
        await asyncio.sleep(1)
        audible = int(np.count_nonzero(world.samples))
        back = world.samples[np.flatnonzero(world.samples)][sounding + faded.size :]
        assert_fades(back[:FRAME][::-1])
        assert 50 * FRAME - 2 <= audible <= 50 * FRAME + 0.03 * RATE
        assert [frame.completed for frame in world.of(Heard)] == [True]  # type: ignore[union-attr]
        assert len(world.of(BotStartedSpeaking)) == len(world.of(BotStoppedSpeaking)) == len(world.of(ReplyDelivered)) == 1
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_pause_before_the_first_sound_holds_it_back() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(TurnCommitted(1, 0), VoicePaused(), *reply())
        await asyncio.sleep(0.3)
        assert not world.samples.any()
        world.receive(VoiceResumed())
        await asyncio.sleep(0.3)
        assert int(np.count_nonzero(world.samples)) == 10 * FRAME
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_reply_that_is_only_shown_is_delivered_at_once_and_in_silence() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(
            ReplyStarted(1, speak_reply=False), TurnCommitted(1, 0), Clause(1, "Read.", "", 1, speak=False), ReplyEnded(1)
        )
        assert world.frames == [ReplyDelivered(1)]
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_reply_without_any_text_is_delivered_too() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(ReplyStarted(1), TurnCommitted(1, 0), ReplyEnded(1))
        assert world.frames == [ReplyDelivered(1)]
        await world.speaker.close()

    virtual_clock.run(story())


def test_after_a_stall_it_catches_up_a_little_and_keeps_the_pace_then() -> None:
    async def story() -> None:
        world = Listened()
        await asyncio.sleep(0.101)
        before = len(world.sent)
        world.speaker._due -= 1.0  # as if the loop had stood still for a second
        await asyncio.sleep(0.021)
        assert len(world.sent) - before <= 7
        at = len(world.sent)
        await asyncio.sleep(0.2)
        assert abs(len(world.sent) - at - 10) <= 1
        await world.speaker.close()

    virtual_clock.run(story())


def test_the_first_sound_does_not_wait_for_its_turn_and_the_pace_is_even_again_afterwards() -> None:
    async def story() -> None:
        world = Listened()
        world.receive(TurnCommitted(1, 0))
        await asyncio.sleep(0.105)
        world.receive(*reply())
        assert world.samples.any(), "at once, 15 ms before the next frame was due"
        await asyncio.sleep(1.0)
        times = np.array([at_ms for at_ms, _ in world.sent])
        assert np.allclose(times[6:16] - 105, np.arange(10) * 20)
        assert np.allclose(times[17:] % 20, 0) or np.allclose((times[17:] + 1e-6) % 20, 0, atol=1e-3)
        await world.speaker.close()

    virtual_clock.run(story())


def test_a_voice_that_is_late_in_the_middle_of_a_reply_is_noticed_though_packets_keep_coming() -> None:
    async def story() -> None:
        world = Listened()
        loud = np.full(5 * FRAME, 1000, np.int16)
        world.receive(ReplyStarted(1), TurnCommitted(1, 0), Clause(1, "Hello there.", "Hello there.", 1))
        world.receive(Speech(1, loud, RATE, 1))
        await asyncio.sleep(0.2)  # of which 100 ms are silent
        world.receive(VoicePaused())
        await asyncio.sleep(1.0)
        world.receive(VoiceResumed(), Speech(1, loud, RATE, 1, last=True))
        await asyncio.sleep(0.3)  # of which 200 ms are silent
        world.receive(Clause(2, "Bye.", "Bye.", 1), Speech(2, loud, RATE, 1, last=True), ReplyEnded(1))
        await asyncio.sleep(0.5)
        late = [(frame.processor, round(frame.value_s, 3)) for frame in world.frames if isinstance(frame, Measured)]
        assert [place for place, _ in late] == [LATE_IN_CLAUSE, LATE_BETWEEN_CLAUSES]
        assert [late_s for _, late_s in late] == pytest.approx([0.1, 0.2], abs=0.021), "that it was paused is another thing"
        assert np.allclose(np.diff([at_ms for at_ms, _ in world.sent]), 20, atol=20)
        await world.speaker.close()

    virtual_clock.run(story())
