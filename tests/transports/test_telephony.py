"""Phone calls over a real socket, with a provider that keeps to Twilio's side."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.transports.telephony import TelephonyTransport
from tests.transports import contract
from tests.transports.contract import in_real_time, loud, run, tone
from tests.transports.phones import STREAM, Phone
from tests.until import until


def test_a_dropped_reply_is_cleared_at_the_provider_before_anything_else_is_sent() -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            phone = phone_of(line)
            line.transport.send_audio(tone(8000, 20))
            line.transport.clear_audio()
            line.transport.send_audio(tone(8000, 20))
            await until(lambda: len(phone.of("media")) == 1 and phone.of("clear"))
            assert [event["event"] for event in phone.events] == ["clear", "media"]

    run(scenario)


def test_exotel_gets_its_sound_in_whole_pieces_of_a_hundred_milliseconds() -> None:
    async def scenario() -> None:
        async with contract.telephony("exotel") as line:
            phone, transport = phone_of(line), line.transport
            assert isinstance(transport, TelephonyTransport)
            spoken = tone(8000, 500)
            await speak(transport, np.concatenate([spoken, np.zeros(8000 // 2, np.int16)]))
            await until(lambda: sound_of(phone).size >= 5600)
            assert {len(payload_of(event)) for event in phone.of("media")} == {1600}
            begin = int(np.flatnonzero(sound_of(phone))[0])
            assert np.array_equal(sound_of(phone)[begin : begin + spoken.size - 1], spoken[1:])

    run(scenario)


def test_what_is_left_of_a_voice_that_exotels_caller_interrupts_waits_for_nothing() -> None:
    async def scenario() -> None:
        async with contract.telephony("exotel") as line:
            phone, fade = phone_of(line), tone(8000, 20)
            for _ in range(3):
                line.transport.send_audio(tone(8000, 20))
            line.transport.clear_audio()
            line.transport.send_audio(fade)
            await until(lambda: phone.of("media"))
            assert [event["event"] for event in phone.events] == ["clear", "media"]
            assert np.array_equal(sound_of(phone), np.pad(fade, (0, 640)))

    run(scenario)


def test_marks_tell_what_was_heard_and_how_late() -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            phone, transport = phone_of(line), line.transport
            assert isinstance(transport, TelephonyTransport)
            await speak(transport, tone(8000, 1200))
            await until(lambda: len(phone.of("mark")) == 2)
            assert transport.heard_samples == 0
            await phone.send({"event": "mark", "streamSid": STREAM, "mark": {"name": "unknown"}})
            await phone.send({"event": "mark", "streamSid": STREAM, "mark": phone.of("mark")[0]["mark"]})
            await until(lambda: transport.heard_samples)
            assert 500 <= transport.statistics["phone_heard_ms"] < 600
            assert transport.lag_ms > 500

    run(scenario)


def test_marks_that_the_provider_skipped_were_not_heard() -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            phone, transport = phone_of(line), line.transport
            assert isinstance(transport, TelephonyTransport)
            await speak(transport, tone(8000, 600))
            await until(lambda: phone.of("mark"))
            transport.clear_audio()
            await phone.send({"event": "mark", "streamSid": STREAM, "mark": phone.of("mark")[0]["mark"]})
            await phone.say(tone(8000, 20))
            await until(lambda: line.listener.audio)
            assert transport.heard_samples == 0

    run(scenario)


@pytest.mark.parametrize(("keys", "told"), [("12#", "1 2 #"), ("7", "7")])
def test_keys_are_told_as_one_message(keys: str, told: str) -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            for key in keys:
                await phone_of(line).send(
                    {"event": "dtmf", "streamSid": STREAM, "dtmf": {"track": "inbound_track", "digit": key}}
                )
            await until(lambda: line.listener.messages)
            message = json.loads(line.listener.messages[0])
            assert (message["type"], message["label"]) == ("send-text", "rtvi-ai")
            assert told in message["data"]["content"]

    run(scenario)


def test_hanging_up_ends_the_call_whether_the_provider_closes_the_socket_or_not() -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            await phone_of(line).send({"event": "stop", "streamSid": STREAM, "stop": {"accountSid": "AC1", "callSid": "CA1"}})
            await until(lambda: phone_of(line).closed is not None and line.listener.closed)
            assert line.listener.closed == ["the caller hung up"]
            assert phone_of(line).closed == (1000, "the caller hung up")

    run(scenario)


def test_garbage_on_the_line_does_no_harm() -> None:
    async def scenario() -> None:
        async with contract.telephony() as line:
            phone = phone_of(line)
            for event in (
                {},
                {"event": "media"},
                {"event": "media", "media": {"payload": "%%"}},
                {"event": "dtmf"},
                {"event": 7},
            ):
                await phone.send(event)
            for data in ("", "[]", "{", "x" * 100_000, b"\xff\xfe", "[" * 50_000):
                await phone.socket.send(data)
            own = base64.b64encode(b"\x80" * 160).decode()
            await phone.send({"event": "media", "media": {"track": "outbound", "payload": own}})
            await phone.say(tone(8000, 200))
            await until(lambda: any(loud(samples) for _, samples in line.listener.audio))
            assert max(int(np.abs(samples).max()) for _, samples in line.listener.audio) < 12_000
            assert line.listener.closed == []

    run(scenario)


def payload_of(event: dict[str, Any]) -> bytes:
    return base64.b64decode(event["media"]["payload"])


def sound_of(phone: Phone) -> Int16:
    """Of PCM, all that came."""
    return np.frombuffer(b"".join(map(payload_of, phone.of("media"))), "<i2").astype(np.int16)


def phone_of(line: contract.Line) -> Phone:
    assert isinstance(line, contract.SocketLine)
    assert isinstance(line.client, Phone)
    return line.client


async def speak(transport: TelephonyTransport, samples: Int16) -> None:
    async def send(frame: Int16) -> None:
        transport.send_audio(frame)
        await asyncio.sleep(0)

    await in_real_time(send, samples, 8000)
