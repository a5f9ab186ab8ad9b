"""Real connections over loopback, with a camera and a screen of one colour each."""

from __future__ import annotations

import asyncio
import json
import threading
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamTrack

from rtvi_local.images.picture import Picture, to_rgb
from rtvi_local.transports import webrtc_video
from rtvi_local.transports.keyframes import Keyframe
from rtvi_local.transports.pictures import NoPicture
from rtvi_local.transports.webrtc_audio import NoVideoTrack
from tests.transports.test_webrtc import Call, run
from tests.until import until

RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)
FRAMES_PER_S = 20


class Colour(MediaStreamTrack):
    """A picture of one colour, which may change."""

    kind = "video"

    def __init__(self, colour: tuple[int, int, int], width: int = 320, height: int = 240) -> None:
        super().__init__()
        self.colour = colour
        self.shape = (height, width, 3)
        self.sent = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / FRAMES_PER_S)
        frame = av.VideoFrame.from_ndarray(np.full(self.shape, self.colour, np.uint8), format="rgb24")
        frame.pts, frame.time_base = self.sent * 90_000 // FRAMES_PER_S, Fraction(1, 90_000)
        self.sent += 1
        return frame


def shows(picture: Picture, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(to_rgb(picture.jpeg).mean((0, 1)) - colour).max() < 15)


def test_the_newest_picture_of_each_track_is_seen() -> None:
    async def scenario() -> None:
        camera, screen = Colour(RED), Colour(BLUE, 640, 360)
        async with Call(video=[camera, screen]) as call:
            assert call.transport.sources == {"camera", "screen"}
            seen = await call.transport.look("camera")
            assert (seen.width, seen.height) == (320, 240)
            assert shows(seen, RED)
            assert shows(await call.transport.look("screen"), BLUE)
            camera.colour = GREEN
            shown = camera.sent + 2
            await until(lambda: camera.sent > shown)
            await asyncio.sleep(webrtc_video.FRESH_S)
            assert shows(await call.transport.look("camera"), GREEN)

    run(scenario)


def test_while_nobody_looks_nothing_is_decoded_and_nothing_kept() -> None:
    async def scenario() -> None:
        camera = Colour(RED)
        async with Call(video=[camera]) as call:
            await call.transport.look("camera")
            peer = call.transport._peer
            assert peer is not None
            receiver: Any = peer._pc.getTransceivers()[1].receiver
            shown = camera.sent + 10
            await until(lambda: camera.sent > shown)
            assert not receiver._enabled
            assert receiver._RTCRtpReceiver__decoder_queue.empty()
            assert receiver.track._queue.empty()

    run(scenario)


def test_several_who_look_at_once_cause_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = webrtc_video.decode

    def counted(keyframe: Keyframe) -> Picture:
        decoded.append(threading.get_ident())
        return decode(keyframe)

    monkeypatch.setattr(webrtc_video, "decode", counted)

    async def scenario() -> None:
        async with Call(video=[Colour(RED)]) as call:
            pictures = await asyncio.gather(*(call.transport.look("camera") for _ in range(5)))
            assert all(picture is pictures[0] for picture in pictures)
            assert await call.transport.look("camera") is pictures[0]
            assert len(decoded) == 1
            assert decoded[0] != threading.get_ident()

    run(scenario)


def test_a_client_that_comes_back_is_seen_again() -> None:
    async def scenario() -> None:
        async with Call(video=[Colour(RED)]) as call:
            await call.transport.look("camera")
            call.client._video = [Colour(BLUE)]
            await call.client.connect(restart=True)
            await asyncio.sleep(webrtc_video.FRESH_S)
            assert shows(await call.transport.look("camera"), BLUE)
            await call.client.renegotiate()
            await asyncio.sleep(webrtc_video.FRESH_S)
            assert shows(await call.transport.look("camera"), BLUE)

    run(scenario)


def test_a_camera_that_is_switched_off_is_not_looked_through() -> None:
    async def scenario() -> None:
        async with Call(video=[Colour(RED)]) as call:
            for enabled in (False, True):
                status = {"type": "trackStatus", "receiver_index": 1, "enabled": enabled}
                call.client.send(json.dumps({"type": "signalling", "message": status}))
                call.client.send(str(enabled))
                await until(lambda told=str(enabled): told in call.listener.messages)  # type: ignore[misc]
                if enabled:
                    assert shows(await call.transport.look("camera"), RED)
                else:
                    with pytest.raises(NoPicture, match="camera is switched off"):
                        await call.transport.look("camera")

    run(scenario)


def test_a_track_that_sends_nothing_or_is_not_there_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc_video, "LOOK_S", 0.3)

    async def scenario() -> None:
        async with Call(video=[NoVideoTrack()]) as call:
            assert call.transport.sources == {"camera"}
            with pytest.raises(NoPicture, match="No picture came"):
                await call.transport.look("camera")
            with pytest.raises(NoPicture, match="sends no screen"):
                await call.transport.look("screen")

    run(scenario)
