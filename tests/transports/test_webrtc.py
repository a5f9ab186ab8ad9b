"""Real connections over loopback, both ends in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.transports import webrtc
from rtvi_local.transports.signalling import OfferError
from rtvi_local.transports.webrtc import WebRtcOptions, WebRtcTransport
from rtvi_local.transports.webrtc_audio import NoVideoTrack
from rtvi_local.transports.webrtc_peer import PeerOptions
from tests.until import until

OPTIONS = WebRtcOptions(PeerOptions(addresses=("127.0.0.1",)), max_message_bytes=4096)
TONE = (8000 * np.sin(np.arange(960) * 2 * np.pi * 500 / 48_000)).astype(np.int16)


class Listener:
    def __init__(self) -> None:
        self.is_asleep = False
        self.audio: list[Int16] = []
        self.messages: list[str] = []
        self.closed: list[str] = []

    def on_audio(self, samples: Int16, at_ms: float) -> None:
        self.audio.append(samples)

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)


class Call:
    """A server's transport and a client that talks to it without HTTP between them."""

    def __init__(self, **client: Any) -> None:
        self.listener = Listener()
        self.ended: list[WebRtcTransport] = []
        self.transport = WebRtcTransport("pc", OPTIONS, on_ended=self.ended.append)
        self.transport.attach(self.listener)
        self.heard: list[Int16] = []
        self.messages: list[str] = []
        self.client = WebRtcClient(
            self.request,
            on_audio=lambda samples, at_ms: self.heard.append(samples),
            on_message=self.messages.append,
            **client,
        )

    async def request(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        sdp = await self.transport.negotiate(body["sdp"], restart=body["restart_pc"])
        return {"sdp": sdp, "type": "answer", "pc_id": self.transport.pc_id}

    async def __aenter__(self) -> Call:
        await self.client.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.transport.close("the test is over")


async def play(send: Callable[[Int16], None], until_: Callable[[], object]) -> None:
    async def pacing() -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            send(TONE)
            due_s += 0.02
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    task = asyncio.create_task(pacing())
    try:
        await until(until_)
    finally:
        task.cancel()


def loud(pieces: list[Int16]) -> bool:
    return sum(int(np.abs(piece).max()) > 6000 for piece in pieces) >= 10


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(asyncio.ensure_future(scenario()), 90)

    asyncio.run(bounded())


def test_sound_goes_both_ways() -> None:
    async def scenario() -> None:
        async with Call() as call:
            await play(call.client.send_audio, lambda: loud(call.listener.audio))
            # What is heard is more than what came: on a busy machine a packet that is late is filled in for.
            await play(call.client.send_audio, lambda: call.transport.statistics["packets_received"] >= 10)
            await play(call.transport.send_audio, lambda: loud(call.heard))
            assert call.transport.statistics["packets_lost"] == 0

    run(scenario)


def test_asleep_speech_is_heard_five_packets_together_and_awake_at_once() -> None:
    async def scenario() -> None:
        async with Call() as call:
            for _ in range(150):  # more than 2 s in which nothing is to be heard
                call.transport.send_audio(np.zeros(960, np.int16))
            sizes = [piece.size for piece in call.listener.audio]
            call.listener.is_asleep = True
            await play(call.client.send_audio, lambda: [a.size for a in call.listener.audio[len(sizes) :]].count(1600) >= 3)
            call.listener.is_asleep = False
            await play(call.client.send_audio, lambda: [a.size for a in call.listener.audio[-3:]] == [320] * 3)

    run(scenario)


def test_messages_go_both_ways_whatever_the_channel_is_called() -> None:
    async def scenario() -> None:
        async with Call(channel_label="rtvi-events") as call:
            call.client.send('{"label":"rtvi-ai","id":"1"}')
            call.client.send(b'{"label":"rtvi-ai","id":"2"}')
            call.client.send("ping: 1")
            call.transport.send_message('{"label":"rtvi-ai","type":"bot-ready"}')
            await until(lambda: len(call.listener.messages) == 2 and call.messages)
            assert call.listener.messages == ['{"label":"rtvi-ai","id":"1"}', '{"label":"rtvi-ai","id":"2"}']
            assert call.messages == ['{"label":"rtvi-ai","type":"bot-ready"}']

    run(scenario)


def test_messages_from_before_the_channel_opened_arrive_in_order() -> None:
    async def scenario() -> None:
        call = Call()
        for n in range(5):
            call.transport.send_message(str(n))
        async with call:
            await until(lambda: len(call.messages) == 5)
            assert call.messages == ["0", "1", "2", "3", "4"]

    run(scenario)


def test_no_more_than_so_many_early_messages_are_kept() -> None:
    async def scenario() -> None:
        call = Call()
        for n in range(1000):
            call.transport.send_message(str(n))
        async with call:
            await until(lambda: "999" in call.messages)
            assert len(call.messages) == 256

    run(scenario)


def test_a_client_without_a_channel_can_talk() -> None:
    async def scenario() -> None:
        async with Call(channel_label=None) as call:
            call.transport.send_message("nobody reads this")
            await play(call.client.send_audio, lambda: loud(call.listener.audio))

    run(scenario)


def test_messages_that_are_too_large_are_refused_and_the_client_is_told_once() -> None:
    async def scenario() -> None:
        async with Call() as call:
            for _ in range(3):
                call.client.send("x" * 20_000)
            call.client.send("é" * 10_000)
            call.client.send(b"\xff\xfe")
            call.client.send("fits")
            await until(lambda: call.listener.messages)
            await until(lambda: call.messages)
            assert call.listener.messages == ["fits"]
            (error,) = [json.loads(text) for text in call.messages]
            assert error["type"] == "error"
            assert "4096" in error["data"]["error"] == error["data"]["message"]
            assert error["data"]["fatal"] is False
            call.transport.send_message("y" * 5000)
            call.transport.send_message("small")
            await until(lambda: call.messages[-1] == "small")
            assert len(call.messages) == 2

    run(scenario)


def test_a_flood_of_messages_is_cut_off() -> None:
    async def scenario() -> None:
        async with Call() as call:
            for n in range(1000):
                call.client.send(str(n))
            await until(lambda: call.transport.statistics["messages_refused"] > 0)
            await until(lambda: call.messages)
            assert "slow down" in call.messages[0]
            assert len(call.listener.messages) < 900

    run(scenario)


def test_a_microphone_that_is_switched_off_is_silence() -> None:
    async def scenario() -> None:
        async with Call() as call:
            status = {"type": "trackStatus", "receiver_index": 0, "enabled": False}
            call.client.send(json.dumps({"type": "signalling", "message": status}))
            call.client.send("done")
            await until(lambda: call.listener.messages == ["done"])
            await play(call.client.send_audio, lambda: len(call.listener.audio) > 20)
            assert not any(piece.any() for piece in call.listener.audio)

    run(scenario)


def test_a_client_that_comes_back_finds_its_conversation() -> None:
    async def scenario() -> None:
        async with Call() as call:
            await play(call.client.send_audio, lambda: loud(call.listener.audio))
            await call.client.connect(restart=True)
            call.listener.audio.clear()
            call.heard.clear()
            await play(call.client.send_audio, lambda: loud(call.listener.audio))
            await play(call.transport.send_audio, lambda: loud(call.heard))
            call.transport.send_message("still here")
            await until(lambda: call.messages == ["still here"])
            assert call.listener.closed == []

    run(scenario)


def test_renegotiating_keeps_the_connection() -> None:
    async def scenario() -> None:
        async with Call(video=[NoVideoTrack()]) as call:
            pc = call.client.pc
            call.transport.renegotiate()
            await until(lambda: call.messages)
            assert json.loads(call.messages[0]) == {"type": "signalling", "message": {"type": "renegotiate"}}
            await call.client.renegotiate()
            await play(call.client.send_audio, lambda: loud(call.listener.audio))
            assert call.client.pc is pc
            assert call.listener.closed == []

    run(scenario)


def test_the_answer_has_tracks_for_sound_and_picture_and_candidates() -> None:
    async def scenario() -> None:
        async with Call(video=[NoVideoTrack()]) as call:
            assert call.client.pc is not None
            lines = call.client.pc.remoteDescription.sdp.splitlines()
            assert [line for line in lines if line in ("a=sendrecv", "a=inactive", "a=recvonly")] == ["a=sendrecv"] * 2
            assert any(line.startswith("a=candidate") and " 127.0.0.1 " in line for line in lines)

    run(scenario)


def test_a_bad_offer_leaves_the_connection_as_it_is() -> None:
    async def scenario() -> None:
        async with Call() as call:
            with pytest.raises(OfferError):
                await call.transport.negotiate("garbage", restart=True)
            with pytest.raises(OfferError):
                await call.transport.negotiate("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n")
            await play(call.client.send_audio, lambda: loud(call.listener.audio))

    run(scenario)


def test_closing_tells_the_client_first() -> None:
    async def scenario() -> None:
        async with Call() as call:
            await call.transport.close("said goodbye")
            await until(lambda: call.messages)
            assert json.loads(call.messages[-1]) == {"type": "signalling", "message": {"type": "peerLeft"}}
            await call.transport.close("again")
            assert call.listener.closed == ["said goodbye"]
            assert call.ended == [call.transport]
            call.transport.send_message("too late")
            call.transport.send_audio(TONE)
            with pytest.raises(OfferError):
                await call.transport.negotiate("")

    run(scenario)


def test_a_client_that_leaves_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "RETURN_AFTER_CLOSE_S", 0.2)
    monkeypatch.setattr(webrtc, "_WATCH_S", 0.05)

    async def scenario() -> None:
        async with Call() as call:
            await call.client.close()
            await until(lambda: call.listener.closed)
            assert call.listener.closed == ["the client left"]

    run(scenario)


def test_a_connection_that_never_comes_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "CONNECT_S", 0.2)
    monkeypatch.setattr(webrtc, "_WATCH_S", 0.05)

    async def scenario() -> None:
        call = Call()
        await until(lambda: call.listener.closed)
        assert call.listener.closed == ["the connection did not come up"]
        await call.transport.close("over")

    run(scenario)


def test_a_client_that_vanishes_is_noticed_but_a_quiet_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "SILENT_S", 0.2)
    monkeypatch.setattr(webrtc, "RETURN_S", 0.2)
    monkeypatch.setattr(webrtc, "_WATCH_S", 0.05)

    async def scenario() -> None:
        async with Call() as quiet, Call() as vanishing:
            vanishing.client.send("ping: 1")
            await until(lambda: vanishing.listener.closed)
            assert vanishing.listener.closed == ["the connection was lost"]
            assert quiet.listener.closed == []

    run(scenario)
