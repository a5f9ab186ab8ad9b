"""The same expectations of all transports."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from tests.transports.contract import LINES, Line, in_real_time, loud, pitch_hz, run, tone
from tests.until import until

pytestmark = pytest.mark.parametrize("name", list(LINES))


async def play(line: Line, samples: Int16) -> None:
    """As the speaker does: frames of 20 ms, at an even pace."""

    async def send(frame: Int16) -> None:
        line.transport.send_audio(frame)

    await in_real_time(send, samples, line.transport.output_sample_rate)


def silence(line: Line, duration_ms: int) -> Int16:
    return np.zeros(line.transport.output_sample_rate * duration_ms // 1000, np.int16)


def test_a_voice_arrives_at_16_khz_in_order_and_in_small_pieces(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            await in_real_time(line.say, tone(line.microphone_rate, 1000), line.microphone_rate)
            await until(lambda: sum(loud(piece) for _, piece in line.listener.audio) >= 40)
            voice = [(at_ms, piece) for at_ms, piece in line.listener.audio if loud(piece)]
            assert abs(pitch_hz([piece for _, piece in voice], 16_000) - 500) < 10
            assert all(0 < piece.size <= 400 and piece.dtype == np.int16 for _, piece in voice)
            times = [at_ms for at_ms, _ in voice]
            assert times == sorted(times)
            # They run as the sound does: over half a second, in the median, for a busy machine holds pieces up.
            late_ms = np.array(times) - np.cumsum([piece.size for _, piece in voice]) / 16
            half = len(voice) // 2
            assert abs(np.median(late_ms[half : 2 * half] - late_ms[:half])) < 75

    run(scenario)


def test_a_voice_is_heard_as_it_was_sent(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            await play(line, silence(line, 200))
            await play(line, tone(line.transport.output_sample_rate, 1000))
            await play(line, silence(line, 300))
            heard = [samples for _, samples in line.heard if loud(samples)]
            await until(lambda: len([samples for _, samples in line.heard if loud(samples)]) >= 45)
            heard = [samples for _, samples in line.heard if loud(samples)]
            assert abs(pitch_hz(heard, line.hearing_rate) - 500) < 10

    run(scenario)


def test_an_interrupted_voice_is_silent_within_300_ms_of_what_the_client_has_buffered(name: str) -> None:
    """The client plays one thing after the other and never clears its buffer."""

    async def scenario() -> None:
        async with LINES[name]() as line:
            await play(line, tone(line.transport.output_sample_rate, 1500))
            interrupted_ms = asyncio.get_running_loop().time() * 1000
            line.transport.clear_audio()
            await play(line, silence(line, 500))
            pieces = [samples for _, samples in line.heard]
            last_loud = max(number for number, samples in enumerate(pieces) if loud(samples))
            heard_ms = sum(samples.size for samples in pieces[: last_loud + 1]) * 1000 / line.hearing_rate
            # A busy machine that holds up a piece in the midst of it makes a gap, which nobody has buffered.
            assert line.heard[0][0] + heard_ms - interrupted_ms < 300

    run(scenario)


def test_a_microphone_that_was_switched_off_is_silence_and_not_nothing(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            await in_real_time(line.say, tone(line.microphone_rate, 300), line.microphone_rate)
            await until(lambda: any(loud(piece) for _, piece in line.listener.audio))
            before = len(line.listener.audio)
            await until(lambda: sum(p.size for _, p in line.listener.audio[before:] if not loud(p)) > 8000)

    run(scenario)


def test_messages_go_both_ways_or_not_at_all(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            line.transport.send_message('{"label":"rtvi-ai","type":"bot-ready"}')
            if line.messages is None:
                await play(line, tone(line.transport.output_sample_rate, 100))
                await until(lambda: line.heard)
                return
            await line.send('{"label":"rtvi-ai","id":"1"}')
            await until(lambda: line.messages and line.listener.messages)
            assert line.messages == ['{"label":"rtvi-ai","type":"bot-ready"}']
            assert line.listener.messages == ['{"label":"rtvi-ai","id":"1"}']

    run(scenario)


def test_a_client_that_leaves_is_reported_once(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            await line.hang_up()
            await until(lambda: line.listener.closed)
            await line.transport.close("too late")
            assert len(line.listener.closed) == 1

    run(scenario)


def test_after_the_end_nothing_is_delivered_and_everything_may_still_be_called(name: str) -> None:
    async def scenario() -> None:
        async with LINES[name]() as line:
            await line.transport.close("the bot leaves")
            await line.transport.close("again")
            assert line.listener.closed == ["the bot leaves"]
            line.transport.send_audio(tone(line.transport.output_sample_rate, 20))
            line.transport.send_message("{}")
            line.transport.clear_audio()
            assert line.listener.closed == ["the bot leaves"]
            assert line.listener.messages == []

    run(scenario)
