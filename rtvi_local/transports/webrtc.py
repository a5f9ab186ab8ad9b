"""A client's connection over WebRTC, which outlives its RTCPeerConnections: a client that lost its network comes back with a
new one (`restart_pc`) and finds the conversation as it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCDataChannel, RTCIceCandidate

from rtvi_local.audio.pcm import Int16
from rtvi_local.images.picture import Picture
from rtvi_local.transports.interface import Listener
from rtvi_local.transports.pictures import Source
from rtvi_local.transports.signalling import MAX_CANDIDATES, OfferError, TrackStatus, signal
from rtvi_local.transports.webrtc_audio import InboundAudio, OutboundAudio
from rtvi_local.transports.webrtc_channel import Channel
from rtvi_local.transports.webrtc_peer import SECTIONS, Peer, PeerOptions
from rtvi_local.transports.webrtc_video import Eye

logger = logging.getLogger(__name__)

CONNECT_S = 60.0
"""How long a connection may take to come up."""
RETURN_S = 10.0
"""How long a client that was lost may take to come back."""
RETURN_AFTER_CLOSE_S = 2.0
"""The same, if it closed the connection itself: a reconnecting client closes the old one just before it posts its offer."""
SILENT_S = 10.0
"""Without any datagram for so long, a client that used to send pings is lost: it also sends connectivity checks, every few
seconds. ICE consent alone would take 30 s (RFC 7675)."""
_WATCH_S = 1.0
_MICROPHONE = 0


@dataclass(frozen=True)
class WebRtcOptions:
    peer: PeerOptions = field(default_factory=PeerOptions)
    max_message_bytes: int = 65_536


class WebRtcTransport:
    """A Transport (see transports.interface) for one client. Give it its listener with `attach`, then its first offer."""

    output_sample_rate = 48_000
    silence_is_quiet = False

    def __init__(self, pc_id: str, options: WebRtcOptions, *, on_ended: Callable[[WebRtcTransport], None]) -> None:
        self.pc_id = pc_id
        self._options = options
        self._on_ended = on_ended
        self._listener: Listener | None = None
        self._loop = asyncio.get_running_loop()
        self._outbound = OutboundAudio(self._loop)
        self._inbound = InboundAudio(self._hear, self._loop, lambda: self._outbound.is_silent, self._may_lag)
        self._eyes: dict[Source, Eye] = {"camera": Eye("camera"), "screen": Eye("screen")}
        self._channel = Channel(
            max_message_bytes=options.max_message_bytes,
            on_message=self._read,
            on_track_status=self._switch_track,
            clock=self._loop.time,
        )
        self._peer: Peer | None = None
        self._negotiating = asyncio.Lock()
        self._candidates = 0
        self._give_up_at_s = self._loop.time() + CONNECT_S
        self._give_up_reason = "the connection did not come up"
        self._last_datagram_s = self._loop.time()
        self._watch = self._loop.call_later(_WATCH_S, self._look)
        self._closing: set[asyncio.Task[None]] = set()
        self._ended = False

    # --- what a conversation calls ---------------------------------------------------------------------------------------

    def send_audio(self, samples: Int16) -> None:
        if not self._ended:
            self._outbound.send(samples)

    @property
    def unsent_frames(self) -> int:
        return self._outbound.unsent_frames

    def clear_audio(self) -> None:
        """Nothing waits: packets leave as they are made, and browsers' buffers are short."""

    def send_message(self, text: str) -> None:
        if not self._ended:
            self._channel.send(text)

    @property
    def sources(self) -> frozenset[Source]:
        return frozenset(source for source, eye in self._eyes.items() if eye.negotiated)

    async def look(self, source: Source) -> Picture:
        return await self._eyes[source].look()

    async def close(self, reason: str) -> None:
        if not self._ended:
            await self._channel.leave()
            self._end(reason)
        await self._closed()

    # --- what the server calls -------------------------------------------------------------------------------------------

    def attach(self, listener: Listener) -> None:
        """Deliver to this listener from now on."""
        self._listener = listener

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def statistics(self) -> dict[str, int]:
        """Counters since the connection began, for metrics."""
        audio, messages = self._inbound.jitter.statistics, self._channel.statistics
        return {
            "packets_received": audio.received,
            "packets_lost": audio.lost,
            "packets_late": audio.late,
            "packets_reordered": audio.reordered,
            "messages_received": messages.received,
            "messages_sent": messages.sent,
            "messages_refused": messages.refused,
            "messages_dropped": messages.dropped,
        }

    async def negotiate(self, sdp: str, *, restart: bool = False) -> str:
        """The answer to an offer: the first, a renegotiation, or with `restart` one for a new connection in place of the old.
        Raises OfferError, which leaves what was there as it is."""
        async with self._negotiating:
            if self._ended:
                raise OfferError("the session has ended")
            if self._peer is not None and not restart and self._peer.state not in ("failed", "closed"):
                return await self._peer.answer(sdp)
            return await self._replace_peer(sdp)

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        """Try these too. Waits for a negotiation that is going on. Raises OfferError if there are too many."""
        self._candidates += len(candidates)
        if self._candidates > 2 * MAX_CANDIDATES:
            raise OfferError("too many candidates in this session")
        async with self._negotiating:
            if self._peer is not None and not self._ended:
                await self._peer.add_candidates(candidates)

    def renegotiate(self) -> None:
        """Ask the client for a new offer (it decides when)."""
        self.send_message(signal("renegotiate"))

    # --- inside ----------------------------------------------------------------------------------------------------------

    async def _replace_peer(self, sdp: str) -> str:
        peer = Peer(
            self._options.peer,
            self._inbound,
            self._eyes,
            on_state=self._follow,
            on_channel=self._adopt_channel,
            on_datagram=self._note_datagram,
        )
        try:
            answer = await peer.answer(sdp)
        except BaseException:
            await peer.close()
            raise
        if self._ended:
            # Closed meanwhile, for instance because the server shuts down.
            await peer.close()
            raise OfferError("the session has ended")
        old, self._peer = self._peer, peer
        self._outbound.track = peer.track
        self._candidates = 0
        self._expect(CONNECT_S, "the connection did not come up")
        if old is not None:
            self._close_peer(old)
        return answer

    def _follow(self, peer: Peer, state: str) -> None:
        if peer is not self._peer or self._ended:
            return
        if state == "connected":
            self._give_up_at_s = float("inf")
            self._note_datagram()
        elif state == "failed":
            self._expect(RETURN_S, "the connection was lost")
        elif state == "closed":
            self._expect(RETURN_AFTER_CLOSE_S, "the client left")

    def _expect(self, within_s: float, otherwise: str) -> None:
        self._give_up_at_s = self._loop.time() + within_s
        self._give_up_reason = otherwise

    def _note_datagram(self) -> None:
        self._last_datagram_s = self._loop.time()

    def _look(self) -> None:
        now_s = self._loop.time()
        if now_s >= self._give_up_at_s:
            self._end(self._give_up_reason)
            return
        pinged_s = self._channel.last_ping_s
        if pinged_s is not None and now_s - max(pinged_s, self._last_datagram_s) > SILENT_S + RETURN_S:
            self._end("the connection was lost")
            return
        self._watch = self._loop.call_later(_WATCH_S, self._look)

    def _adopt_channel(self, channel: RTCDataChannel) -> None:
        self._channel.attach(channel)

    def _hear(self, samples: Int16, at_ms: float) -> None:
        if self._listener is not None and not self._ended:
            self._listener.on_audio(samples, at_ms)

    def _may_lag(self) -> bool:
        return self._listener is not None and self._listener.is_asleep

    def _read(self, text: str) -> None:
        if self._listener is not None and not self._ended:
            self._listener.on_message(text)

    def _switch_track(self, status: TrackStatus) -> None:
        if status.receiver_index == _MICROPHONE:
            self._inbound.muted = not status.enabled
        elif status.receiver_index in SECTIONS:
            self._eyes[SECTIONS[status.receiver_index]].switched_on = status.enabled

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._watch.cancel()
        self._inbound.close()
        for eye in self._eyes.values():
            eye.close()
        if self._peer is not None:
            self._close_peer(self._peer)
        if self._listener is not None:
            self._listener.on_closed(reason)
        self._on_ended(self)

    def _close_peer(self, peer: Peer) -> None:
        task = self._loop.create_task(peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _closed(self) -> None:
        tasks: list[Any] = list(self._closing)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                logger.warning("a connection did not close cleanly: %r", result)
