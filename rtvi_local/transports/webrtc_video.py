"""Pictures out of an RTCPeerConnection: nothing is decoded, nor even put together, until somebody wants to look.

Then the client is asked for a key frame (a PLI, RFC 4585 §6.3.1), and that one frame is decoded. Without a look, a video packet
costs its decryption and nothing else: aiortc's receiver, which would decode every frame in a thread of its own whether or not
anybody reads, is switched off but for the moments in which it is looked through.
"""

from __future__ import annotations

import asyncio
from typing import Any

import av
import av.error
from aiortc.rtcrtpreceiver import NackGenerator

from rtvi_local.engines.worker import Worker
from rtvi_local.images.picture import Picture, from_rgb
from rtvi_local.transports.keyframes import MAX_PIXELS, Keyframe, KeyframeCatcher
from rtvi_local.transports.pictures import NoPicture, Source
from rtvi_local.transports.webrtc_audio import RtpPacketLike

LOOK_S = 3.0
"""How long a key frame may take. Browsers send one within 100 ms."""
_ASK_AGAIN_S = 0.4
"""A request, or the frame, may get lost."""
FRESH_S = 0.3
"""Whoever looks again within so long sees the same picture."""
_DECODERS = {"vp8": "vp8", "h264": "h264"}
_BUFFER, _NACKS, _STREAMS = (f"_RTCRtpReceiver__{name}" for name in ("jitter_buffer", "nack_generator", "remote_streams"))

_decoding = Worker("picture-decoder")
"""One at a time for all conversations: a picture takes some 10 ms."""


class Eye:
    """One of the client's video tracks, through all of its peer connections."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._receiver: Any = None
        self._ssrc: int | None = None
        self._catcher: KeyframeCatcher | None = None
        self._caught: asyncio.Future[Keyframe] | None = None
        self._looking: asyncio.Task[Picture] | None = None
        self._seen: tuple[float, Picture] | None = None
        self.switched_on = True
        """What the client says of its track; most say nothing of one that they never switch."""

    @property
    def negotiated(self) -> bool:
        """The client may send this."""
        return self._receiver is not None

    def open(self, receiver: Any) -> None:
        """Look through this receiver from now on. Raises RuntimeError if this aiortc is not the one that is known here."""
        if not all(hasattr(receiver, name) for name in (_BUFFER, _NACKS, _STREAMS)):
            raise RuntimeError("this aiortc is built differently; install the version that rtvi-local asks for")
        if receiver is not self._receiver:
            self._receiver, self._ssrc = receiver, None
            setattr(receiver, _BUFFER, self)
        self.rest()

    def rest(self) -> None:
        """Switch the receiver off unless somebody looks: aiortc switches it on with each description. Until its first packet it
        stays on, because a still screen sends no other that would say whom to ask for a key frame."""
        if self._receiver is not None:
            self._receiver._enabled = self._caught is not None or self._ssrc is None

    async def look(self) -> Picture:
        """The newest picture. Raises NoPicture."""
        if not self.negotiated:
            raise NoPicture(f"The user's device sends no {self._source}.")
        if not self.switched_on:
            raise NoPicture(f"The user's {self._source} is switched off.")
        now_s = asyncio.get_running_loop().time()
        if self._seen is not None and now_s - self._seen[0] < FRESH_S:
            return self._seen[1]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            # Whoever asked may be gone when it fails.
            self._looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Others may wait for the same look.
        return await asyncio.shield(self._looking)

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> Picture:
        loop = asyncio.get_running_loop()
        self._catcher, self._caught = KeyframeCatcher(), loop.create_future()
        # What passed by unread is not missing, and nobody's loss.
        setattr(self._receiver, _NACKS, NackGenerator())
        getattr(self._receiver, _STREAMS).clear()
        self._receiver._enabled = True
        asking = asyncio.create_task(self._ask())
        try:
            keyframe = await asyncio.wait_for(self._caught, LOOK_S)
        except asyncio.TimeoutError:
            raise NoPicture(f"No picture came from the user's {self._source} within {LOOK_S:g} seconds.") from None
        finally:
            asking.cancel()
            self._catcher = self._caught = None
            self.rest()
        try:
            picture = await _decoding.run(decode, keyframe)
        except av.error.FFmpegError as error:
            raise NoPicture(f"The picture of the user's {self._source} cannot be decoded.") from error
        self._seen = loop.time(), picture
        return picture

    async def _ask(self) -> None:
        while True:
            if self._ssrc is not None:
                await self._receiver._send_rtcp_pli(self._ssrc)
            await asyncio.sleep(_ASK_AGAIN_S if self._ssrc is not None else 0.01)

    # --- in the place of aiortc's jitter buffer --------------------------------------------------------------------------

    def add(self, packet: RtpPacketLike) -> tuple[bool, None]:
        """aiortc's JitterBuffer.add: (no picture was lost, no frame for the decoder thread)."""
        self._ssrc = packet.ssrc
        if self._catcher is None or self._caught is None:
            self.rest()
        elif not self._caught.done():
            marker = bool(packet.marker)
            keyframe = self._catcher.add(packet.sequence_number, packet.timestamp, marker, packet._data)
            if keyframe is not None:
                self._caught.set_result(keyframe)
        return False, None


def decode(keyframe: Keyframe) -> Picture:
    """The picture in a key frame. Blocks. Raises FFmpegError."""
    # Not libvpx, which takes memory for whatever size a frame says it has before FFmpeg's limit is asked.
    decoder = av.CodecContext.create(_DECODERS[keyframe.codec], "r")
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    frames = [*decoder.decode(av.Packet(keyframe.data)), *decoder.decode(None)]  # type: ignore[attr-defined]
    if not frames:
        raise av.error.InvalidDataError(0, "no picture in the key frame")
    return from_rgb(frames[0].to_ndarray(format="rgb24"))
