"""A browser's WebSocket, for real."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.protobuf import encode_message
from tests.transports import contract
from tests.transports.clients import BrowserClient
from tests.transports.contract import in_real_time, loud, pitch_hz, run, tone
from tests.until import until


def test_a_client_that_writes_text_is_answered_in_text_and_one_that_writes_frames_in_frames() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            await client.socket.send('{"label":"rtvi-ai","id":"1"}')
            await until(lambda: line.listener.messages)
            line.transport.send_message('{"n":1}')
            line.transport.send_audio(tone(24_000, 20))
            await until(lambda: client.texts and client.heard)
            await client.send('{"label":"rtvi-ai","id":"2"}')
            await until(lambda: len(line.listener.messages) == 2)
            line.transport.send_message('{"n":2}')
            await until(lambda: client.messages)
            assert (client.texts, client.messages) == (['{"n":1}'], ['{"n":2}'])

    run(scenario)


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_a_microphone_may_have_any_rate(rate: int) -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            client.microphone_rate = rate
            await in_real_time(client.say, tone(rate, 600), rate)
            await until(lambda: sum(loud(piece) for _, piece in line.listener.audio) >= 25)
            voice = [piece for _, piece in line.listener.audio if loud(piece)]
            assert abs(pitch_hz(voice, 16_000) - 500) < 15

    run(scenario)


def test_stereo_is_mixed() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            left, right = np.full(320, 3000, "<i2"), np.full(320, 1000, "<i2")
            pcm = np.stack([left, right], axis=1).tobytes()
            frame = bytes([0x1A]) + varint(len(pcm)) + pcm + bytes([0x28, 2])
            await client_of(line).socket.send(bytes([0x12]) + varint(len(frame)) + frame)
            await until(lambda: line.listener.audio)
            assert set(line.listener.audio[0][1].tolist()) == {2000}

    run(scenario)


def test_garbage_is_refused_once_and_the_conversation_goes_on() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            odd = bytes([0x12, 5, 0x1A, 3, 1, 2, 3])
            slow = bytes([0x12, 6, 0x1A, 2, 1, 2, 0x20, 1])
            for data in (b"\xff\xff", odd, slow, b"\x12\xff", struct.pack("<q", -1), b"", encode_message("x" * 300_000)):
                await client.socket.send(data)
            await client.send('{"id":"1"}')
            await client.send("y" * 300_000)
            await client.send('{"id":"2"}')
            await until(lambda: len(line.listener.messages) == 2)
            await until(lambda: len(client.messages) == 2)
            errors = [json.loads(text) for text in client.messages]
            assert [error["type"] for error in errors] == ["error", "error"]
            assert all(error["data"]["fatal"] is False for error in errors)
            assert "larger" in errors[1]["data"]["error"]
            assert line.listener.closed == []

    run(scenario)


def test_a_message_of_more_than_a_mebibyte_ends_the_connection_with_its_code() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            await client.socket.send(b"x" * (1 << 21))
            await until(lambda: client.closed is not None and line.listener.closed)
            assert client.closed is not None
            assert client.closed[0] == 1009
            assert line.listener.closed == ["the client sent a message that is too large"]

    run(scenario)


def test_the_reason_of_the_end_is_told_after_everything_else() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            line.transport.send_message('{"last":"words"}')
            await line.transport.close("the bot leaves, " + "ä" * 200)
            await until(lambda: client.closed is not None)
            assert client.messages == ['{"last":"words"}']
            assert client.closed is not None
            assert client.closed[0] == 1000
            assert client.closed[1].startswith("the bot leaves, ää")

    run(scenario)


def test_silence_is_not_sent_so_that_nothing_that_was_held_up_stays_in_the_clients_buffer() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            await in_real_time(_sender(line), np.zeros(24_000, np.int16), 24_000)
            assert line.heard == []
            await in_real_time(_sender(line), tone(24_000, 100), 24_000)
            await in_real_time(_sender(line), np.zeros(24_000, np.int16), 24_000)
            line.transport.send_message("{}")
            await until(lambda: line.messages)
            heard_ms = sum(samples.size for _, samples in line.heard) / 24
            assert heard_ms == 60 + 100 + 200

    run(scenario)


def test_a_client_that_stops_reading_holds_up_no_more_than_a_moment_of_speech() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:
            client = client_of(line)
            client.socket.transport.pause_reading()
            # Far more than real time, so that the kernel's buffers are full at once.
            for _ in range(20_000):
                line.transport.send_audio(tone(24_000, 20))
                await asyncio.sleep(0)
            dropped = line.transport.statistics["audio_frames_dropped"]  # type: ignore[attr-defined]
            assert dropped > 1000
            client.socket.transport.resume_reading()
            line.transport.clear_audio()
            line.transport.send_message("{}")
            await until(lambda: line.messages)

    run(scenario)


def test_a_client_that_leaves_while_it_is_spoken_to_is_not_taken_for_lost() -> None:
    async def scenario() -> None:
        async with contract.websocket() as line:

            async def speak() -> None:
                while not line.listener.closed:
                    line.transport.send_audio(tone(24_000, 20))
                    await asyncio.sleep(0)

            speaking = asyncio.create_task(speak())
            await until(lambda: line.heard)
            await client_of(line).hang_up()
            await speaking
            assert line.listener.closed == ["the client left"]

    run(scenario)


def client_of(line: contract.Line) -> BrowserClient:
    assert isinstance(line, contract.SocketLine)
    assert isinstance(line.client, BrowserClient)
    return line.client


def _sender(line: contract.Line) -> Callable[[Int16], Awaitable[None]]:
    async def send(samples: Int16) -> None:
        line.transport.send_audio(samples)

    return send


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)
