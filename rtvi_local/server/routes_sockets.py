"""Conversations over WebSockets: RTVI clients at /ws-client, telephone calls at /ws, and the TwiML that leads calls there."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from rtvi_local.config import Config
from rtvi_local.errors import UserError
from rtvi_local.pipeline.options import OptionError
from rtvi_local.pipeline.request_data import from_texts
from rtvi_local.server.appliance import Appliance, TooManyConversations, UnusableRequest
from rtvi_local.server.endpoint import Endpoint
from rtvi_local.server.lan import Lan
from rtvi_local.server.limits import RateLimiter
from rtvi_local.server.metrics import Metrics
from rtvi_local.server.sessions import Sessions, UnknownSession
from rtvi_local.transports.message_gate import error_message
from rtvi_local.transports.protobuf import encode_message
from rtvi_local.transports.socket import TRY_AGAIN_LATER, SocketTransport, short
from rtvi_local.transports.telephony import TelephonyTransport, answer
from rtvi_local.transports.telephony_providers import NotAPhoneCall
from rtvi_local.transports.websocket import WebSocketTransport

TWIML_PATH = "/twiml"
_NO_SUCH_SESSION, _NOT_UNDERSTOOD = 4004, 1008
_SESSION_ENDED = "no such session; it may have ended"
logger = logging.getLogger(__name__)


_CLOSED = {
    1000: "the conversation is over",
    1012: "the server is stopping",
    1013: "not ready yet, too many conversations, or too many requests",
    _NO_SUCH_SESSION: "the session has ended, or never was",
}
ENDPOINTS = (
    Endpoint(
        ("WS",),
        ("/ws-client", "/ws-client/{token}"),
        "RTVI over a WebSocket, see [transports](transports.md). `?session=` names a session of `POST /start`. Who is refused "
        "gets an `error` message that says why before the socket is closed.",
        errors=_CLOSED
        | {
            1008: "what is asked for cannot be had",
            1009: "a frame is too large",
            1011: "the client did not answer a ping",
        },
    ),
    Endpoint(
        ("WS",),
        ("/ws", "/ws/{token}", "/ws/sessions/{session_id}", "/ws/{token}/sessions/{session_id}"),
        "A telephone call: the media stream of Twilio, Telnyx, Plivo or Exotel, see [transports](transports.md). The session "
        "is one of `POST /start`.",
        errors=_CLOSED
        | {1008: "no call that is understood begins in 10 s, or what is asked for cannot be had; the reason says what to set"},
    ),
    Endpoint(("GET", "POST"), (TWIML_PATH,), "TwiML (XML) that leads a call's sound to `/ws`. The body may be a form."),
)


class Refused(Exception):
    """There will be no conversation on this socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def websocket_url(request: HTTPConnection, path: str) -> str:
    """This server's WebSocket, under the name that the client used for it."""
    secure = request.url.scheme in ("https", "wss")
    return f"{'wss' if secure else 'ws'}://{request.url.netloc}{path}"


def rtvi_url(request: HTTPConnection, session_id: str) -> str:
    """Where the client of a session that was started connects its WebSocket."""
    return websocket_url(request, f"/ws-client?session={quote(session_id)}")


def telephony_url(request: HTTPConnection, lan: Lan | None, session_id: str | None = None) -> str:
    """Where a telephone provider is to send a call's sound. All is in the path: Twilio sets no headers, and drops a query."""
    token = f"/{lan.token}" if lan else ""
    session = f"/sessions/{quote(session_id)}" if session_id is not None else ""
    return websocket_url(request, f"/ws{token}{session}")


@dataclass(frozen=True)
class SocketRoutes:
    """The endpoints; `routes` lists them."""

    config: Config
    appliance: Appliance
    sessions: Sessions
    limiter: RateLimiter
    metrics: Metrics
    lan: Lan | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            WebSocketRoute("/ws-client", self.rtvi),
            WebSocketRoute("/ws-client/{token}", self.rtvi),
            WebSocketRoute("/ws", self.telephony),
            WebSocketRoute("/ws/{token}", self.telephony),
            WebSocketRoute("/ws/sessions/{session_id}", self.telephony),
            WebSocketRoute("/ws/{token}/sessions/{session_id}", self.telephony),
            Route(TWIML_PATH, self.twiml, methods=["GET", "POST"]),
        ]

    async def rtvi(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            self._refuse_if_busy(websocket)
            session_id = websocket.query_params.get("session")
            with self.sessions.connecting(session_id) as data:
                transport = WebSocketTransport(websocket, max_message_bytes=self.config.server.max_message_bytes)
                await self._open(transport, data)
            await self._converse(transport, session_id)
        except UnknownSession:
            await _refuse(websocket, Refused(_NO_SUCH_SESSION, _SESSION_ENDED), tell=True)
        except Refused as refused:
            await _refuse(websocket, refused, tell=True)

    async def telephony(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            self._refuse_if_busy(websocket)
            call = await answer(websocket)
            parameters = from_texts(call.parameters)
            session_id = websocket.path_params.get("session_id")
            with self.sessions.connecting(session_id) as data:
                transport = TelephonyTransport(websocket, call)
                await self._open(transport, {**data, **parameters})
            await self._converse(transport, session_id)
        except (NotAPhoneCall, OptionError) as error:
            # Few providers show to anybody why a stream was closed.
            logger.warning("a telephone call was refused: %s", error)
            await _refuse(websocket, Refused(_NOT_UNDERSTOOD, str(error)))
        except UnknownSession:
            await _refuse(websocket, Refused(_NO_SUCH_SESSION, _SESSION_ENDED))
        except Refused as refused:
            await _refuse(websocket, refused)

    async def twiml(self, request: Request) -> Response:
        """What Twilio asks for when a call comes in: send its sound to /ws."""
        url = quoteattr(telephony_url(request, self.lan))
        body = f'<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url={url}/></Connect></Response>'
        return Response(body, media_type="application/xml")

    def _refuse_if_busy(self, websocket: WebSocket) -> None:
        wait_s = self.limiter.take(websocket.client.host if websocket.client is not None else "")
        if wait_s:
            raise Refused(TRY_AGAIN_LATER, f"too many requests; try again in {wait_s} s")
        missing = self.appliance.ready()
        if missing:
            raise Refused(TRY_AGAIN_LATER, f"not ready yet: {', '.join(missing)}")

    async def _open(self, transport: SocketTransport, request_data: dict[str, Any]) -> None:
        try:
            transport.attach(self.appliance.open_conversation(transport, request_data))
        except (TooManyConversations, UnusableRequest, UserError) as error:
            await transport.abandon()
            code = TRY_AGAIN_LATER if isinstance(error, TooManyConversations) else _NOT_UNDERSTOOD
            raise Refused(code, str(error)) from error
        except BaseException:
            await transport.abandon()
            raise

    async def _converse(self, transport: SocketTransport, session_id: str | None = None) -> None:
        forget = self.sessions.remember(transport, session_id)
        try:
            await transport.run()
        finally:
            forget()
            self.metrics.count_transport(transport.statistics)


async def _refuse(websocket: WebSocket, refused: Refused, *, tell: bool = False) -> None:
    try:
        if tell:
            # Clients show an error's text, and of a closed socket only the code.
            await websocket.send_bytes(encode_message(error_message(str(refused), fatal=True)))
        await websocket.close(refused.code, short(str(refused)))
    except Exception:  # it is gone already, which is what was wanted
        logger.debug("a refused client had left", exc_info=True)
