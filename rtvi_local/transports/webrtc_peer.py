"""One RTCPeerConnection, made the way that RTVI clients need it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from rtvi_local.config_forms import ANY_PORT
from rtvi_local.transports.ice_servers import IceServer
from rtvi_local.transports.pictures import Source
from rtvi_local.transports.signalling import OfferError, clean_sdp
from rtvi_local.transports.udp_ports import NoFreePort
from rtvi_local.transports.webrtc_addresses import use_addresses
from rtvi_local.transports.webrtc_audio import InboundAudio, NoVideoTrack, PacketTrack, tap
from rtvi_local.transports.webrtc_datagrams import Datagrams, pass_through
from rtvi_local.transports.webrtc_video import Eye

SECTIONS: Mapping[int, Source] = {1: "camera", 2: "screen"}
"""Which media section of an offer is which; the first is the microphone."""


@dataclass(frozen=True)
class PeerOptions:
    ice_servers: tuple[IceServer, ...] = ()
    """Of each kind, STUN and TURN, aiortc uses the first."""
    addresses: tuple[str, ...] = ()
    """Host addresses to offer."""
    ports: range = ANY_PORT
    announce: str = ""
    """The address to tell clients instead; empty for none."""
    accept_address: Callable[[str], bool] = lambda address: True
    """Where datagrams may come from, and where connectivity checks may go."""


class Peer:
    """Answers one client's offers. `on_state` is called with the connection's state, `on_channel` with each data channel."""

    def __init__(
        self,
        options: PeerOptions,
        inbound: InboundAudio,
        eyes: Mapping[Source, Eye],
        *,
        on_state: Callable[[Peer, str], None],
        on_channel: Callable[[RTCDataChannel], None],
        on_datagram: Callable[[], None],
    ) -> None:
        self._options = options
        self._eyes = eyes
        self.track = PacketTrack()
        # An explicit list, if an empty one: without it aiortc asks a public STUN server. With any bundle policy but this one,
        # aiortc leaves the screen's transceiver off the shared transport and its packets end in the camera's receiver.
        self._pc = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[RTCIceServer(one.url, one.username, one.credential) for one in options.ice_servers],
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        audio = self._pc.addTransceiver(self.track, direction="sendrecv")
        opus = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
        audio.setCodecPreferences(opus)
        datagrams = Datagrams(lambda: inbound.rests, asyncio.get_running_loop())
        pass_through(audio.receiver, datagrams)
        tap(audio.receiver, inbound, datagrams.arrived_ms)
        use_addresses(
            self._pc,
            options.addresses,
            ports=options.ports,
            announce=options.announce,
            accept=options.accept_address,
            on_datagram=on_datagram,
        )
        self._pc.on("connectionstatechange", lambda: on_state(self, self._pc.connectionState))
        self._pc.on("datachannel", on_channel)

    @property
    def state(self) -> str:
        return self._pc.connectionState

    async def answer(self, sdp: str) -> str:
        """The answer to the first or a later offer. Raises OfferError, NoFreePort among them."""
        cleaned = clean_sdp(sdp, self._options.accept_address)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=cleaned, type="offer"))
            self._direct_transceivers()
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except NoFreePort:
            raise
        except Exception as error:  # what hostile but well-formed descriptions do to aiortc is not enumerable
            raise OfferError("the offer cannot be answered") from error
        for index, transceiver in enumerate(self._pc.getTransceivers()[1:], start=1):
            if transceiver.kind == "video" and index in SECTIONS:
                self._eyes[SECTIONS[index]].open(transceiver.receiver)
            else:
                # Unread, they would fill the memory.
                transceiver.receiver._enabled = False
        return self._pc.localDescription.sdp

    def _direct_transceivers(self) -> None:
        # aiortc would answer `inactive` where it has nothing to send, and clients wait for both tracks.
        for index, transceiver in enumerate(self._pc.getTransceivers()):
            transceiver.direction = "sendrecv" if index < 2 else "recvonly"
            if transceiver.kind == "video" and transceiver.sender.track is None:
                transceiver.sender.replaceTrack(NoVideoTrack())

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate]) -> None:
        for candidate in candidates:
            if self._options.accept_address(candidate.ip):
                await self._pc.addIceCandidate(candidate)

    async def close(self) -> None:
        await self._pc.close()
