"""Sessions: begun by POST /start, or by a first offer; each has at most one transport. Clients know WebRTC's by a pc_id."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rtvi_local.server.appliance import Appliance
from rtvi_local.server.limits import Limits
from rtvi_local.transports.interface import Transport
from rtvi_local.transports.signalling import Offer, OfferError, clean_sdp
from rtvi_local.transports.webrtc import WebRtcOptions, WebRtcTransport


class UnknownSession(Exception):
    """There is no session of that id, or it has ended."""


class TooManySessions(Exception):
    """More were started than anybody connected to."""


@dataclass(slots=True)
class _Pending:
    request_data: dict[str, Any]
    started_s: float


class Sessions:
    """All sessions of one server. Used on the event loop alone."""

    def __init__(self, appliance: Appliance, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._appliance = appliance
        self._limits = limits
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._transports: dict[str, WebRtcTransport] = {}
        self._connected: set[str] = set()
        """Sessions that were started and have a transport, or are about to."""
        self._session_of: dict[str, str] = {}
        self._others: set[Transport] = set()
        self.on_transport_ended: Callable[[WebRtcTransport], None] = lambda transport: None
        self.on_session_ended: Callable[[str], None] = lambda session_id: None

    @property
    def transports(self) -> list[WebRtcTransport]:
        return list(self._transports.values())

    def start(self, request_data: dict[str, Any]) -> str:
        """A new session's id. Raises TooManySessions."""
        now_s = self._clock()
        for session_id, pending in list(self._pending.items()):
            if now_s - pending.started_s > self._limits.pending_session_s:
                del self._pending[session_id]
                self.on_session_ended(session_id)
        if len(self._pending) >= self._limits.pending_sessions:
            raise TooManySessions
        session_id = str(uuid.uuid4())
        self._pending[session_id] = _Pending(request_data, now_s)
        return session_id

    def knows(self, session_id: str) -> bool:
        """Whether it was started and has not ended yet."""
        return session_id in self._pending or session_id in self._connected

    @contextlib.contextmanager
    def connecting(self, session_id: str | None) -> Iterator[dict[str, Any]]:
        """Open a transport for this session in here; gives what it was started with (nothing, for a client that started none).
        Nobody else can meanwhile, and what fails in here may be tried again. Raises UnknownSession."""
        if session_id is None:
            yield {}
            return
        pending = self._pending.pop(session_id, None)
        if pending is None:
            raise UnknownSession
        self._connected.add(session_id)
        try:
            yield pending.request_data
        except BaseException:
            self._connected.remove(session_id)
            self._pending[session_id] = pending
            raise

    def remember(self, transport: Transport, session_id: str | None = None) -> Callable[[], None]:
        """Close this transport too when all are closed; returns how to forget it, with which its session ends."""
        self._others.add(transport)

        def forget() -> None:
            self._others.discard(transport)
            self._end(session_id)

        return forget

    def transport(self, pc_id: str | None, session_id: str | None = None) -> WebRtcTransport:
        """The transport that a client means. Raises UnknownSession."""
        transport = self._transports.get(pc_id or "")
        if transport is None or (session_id is not None and self._session_of.get(transport.pc_id) != session_id):
            raise UnknownSession
        return transport

    async def offer(self, offer: Offer, options: WebRtcOptions, session_id: str | None = None) -> tuple[str, str]:
        """The answer's SDP and the pc_id. A pc_id that is not known any more begins anew, as after a restart of the server.
        Raises UnknownSession (of a session id), OfferError, TooManyConversations, UnusableRequest."""
        if offer.pc_id in self._transports:
            transport = self.transport(offer.pc_id, session_id)
            return await transport.negotiate(offer.sdp, restart=offer.restart), transport.pc_id
        # Checked before a conversation is opened for it: garbage must not cost a place.
        clean_sdp(offer.sdp)
        with self.connecting(session_id) as request_data:
            transport = WebRtcTransport(str(uuid.uuid4()), options, on_ended=self._forget)
            try:
                transport.attach(self._appliance.open_conversation(transport, offer.request_data or request_data))
                self._transports[transport.pc_id] = transport
                answer = await transport.negotiate(offer.sdp)
            except BaseException as error:
                why = "the offer could not be answered" if isinstance(error, OfferError) else "connecting failed"
                await transport.close(why)
                raise
        if session_id is not None:
            self._session_of[transport.pc_id] = session_id
        return answer, transport.pc_id

    async def close(self, reason: str) -> None:
        """End them all, the clients being told."""
        await asyncio.gather(*(transport.close(reason) for transport in (*self.transports, *self._others)))

    def _forget(self, transport: WebRtcTransport) -> None:
        if self._transports.pop(transport.pc_id, None) is not None:
            self._end(self._session_of.pop(transport.pc_id, None))
            self.on_transport_ended(transport)

    def _end(self, session_id: str | None) -> None:
        if session_id is not None:
            self._connected.discard(session_id)
            self.on_session_ended(session_id)
