"""RTVI over WebRTC: POST /start, and POST and PATCH of the offer, in both of its places."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rtvi_local.config import Config
from rtvi_local.config_forms import read_ports
from rtvi_local.server.appliance import Appliance, TooManyConversations, UnusableRequest
from rtvi_local.server.endpoint import NOT_READY, RATE_LIMITED, Endpoint
from rtvi_local.server.lan import Lan
from rtvi_local.server.limits import RateLimiter
from rtvi_local.server.metrics import Metrics
from rtvi_local.server.origins import Policy
from rtvi_local.server.routes_sockets import rtvi_url, telephony_url
from rtvi_local.server.routes_status import TELEPHONY, TRANSPORTS
from rtvi_local.server.security import refuse
from rtvi_local.server.sessions import Sessions, TooManySessions, UnknownSession
from rtvi_local.transports.ice_servers import for_clients, ice_servers
from rtvi_local.transports.signalling import OfferError, read_candidates, read_offer
from rtvi_local.transports.udp_ports import NoFreePort
from rtvi_local.transports.webrtc import WebRtcOptions
from rtvi_local.transports.webrtc_addresses import OwnAddresses, host_addresses, is_loopback
from rtvi_local.transports.webrtc_peer import PeerOptions

_RETRY_AFTER_S = "5"


_REQUEST_DATA = "object: how the conversation begins, see [configuration](configuration.md) and [pipelines](pipelines.md)"
_COMMON = {
    422: "what is asked for cannot be had (a stage, an option, a model that is not installed); `detail` names it",
    429: RATE_LIMITED,
    503: NOT_READY,
}
_OFFER_PATHS = ("/api/offer", "/sessions/{session_id}/api/offer")
ENDPOINTS = (
    Endpoint(
        ("POST",),
        ("/start",),
        "Begin a session; the client connects with what is answered. The body may be empty.",
        request={
            "transport": f"{', '.join(f'`{name}`' for name in (*TRANSPORTS, *TELEPHONY))}; `webrtc` if it is left out",
            "body": _REQUEST_DATA,
            "enableFileUploads": "`true` to be told `fileUploadUrl`",
        },
        response={
            "sessionId": "for `webrtc`: the session, for `/sessions/{session_id}/…`; it must be used within 2 minutes",
            "iceConfig": "for `webrtc`, if servers are set: `{iceServers: [{urls: [url], username?, credential?}]}`",
            "fileUploadUrl": "for `webrtc`, if asked for: path to upload files to",
            "wsUrl": "for all other transports, and then alone: where to connect the WebSocket",
        },
        errors={400: "the body is no JSON object, or there is no such `transport`"}
        | _COMMON
        | {503: f"{NOT_READY}; or 64 sessions were started and not used"},
    ),
    Endpoint(
        ("POST",),
        _OFFER_PATHS,
        "Connect over WebRTC, renegotiate, or come back after the network was lost. Without a session a conversation begins at "
        "once.",
        request={
            "sdp": "string, needed: the offer, with Opus; at most 64 KiB",
            "type": "`offer`, needed",
            "pc_id": "string or null: which connection it is about; one that is not known begins anew",
            "restart_pc": "`true` for a new connection in place of a lost one, in the same conversation",
            "requestData": f"{_REQUEST_DATA}; without it that of `/start` holds. Also `request_data`",
        },
        response={
            "sdp": "string: the answer, with all candidates",
            "type": "`answer`",
            "pc_id": "string: for later requests about this connection",
        },
        errors={400: "the offer cannot be read or answered", 404: "the session has ended, or never was"}
        | _COMMON
        | {
            429: f"{RATE_LIMITED}. Or as many conversations as `server.max_conversations` are going on; or no port of "
            "`webrtc.udp_ports` is free"
        },
    ),
    Endpoint(
        ("PATCH",),
        _OFFER_PATHS,
        "Trickled ICE candidates. Those that cannot be used are left out.",
        request={
            "pc_id": "string, needed",
            "candidates": "list of at most 64 `{candidate, sdp_mid, sdp_mline_index}`, needed",
        },
        response={"status": "`success`"},
        errors={400: "not of this form, or too many candidates", 404: "there is no such connection"},
    ),
)


@dataclass(frozen=True)
class WebRtcRoutes:
    """The endpoints; `routes` lists them."""

    config: Config
    policy: Policy
    appliance: Appliance
    sessions: Sessions
    limiter: RateLimiter
    metrics: Metrics
    own_addresses: OwnAddresses
    lan: Lan | None = None

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/start", _answering_errors(self.start), methods=["POST"]),
            Route("/api/offer", _answering_errors(self.offer), methods=["POST"]),
            Route("/api/offer", _answering_errors(self.trickle), methods=["PATCH"]),
            Route("/sessions/{session_id}/api/offer", _answering_errors(self.offer), methods=["POST"]),
            Route("/sessions/{session_id}/api/offer", _answering_errors(self.trickle), methods=["PATCH"]),
        ]

    async def start(self, request: Request) -> Response:
        if (refusal := self._busy(request)) is not None:
            return refusal
        body = await _json(request, empty={})
        transport = body.get("transport", "webrtc") if isinstance(body, dict) else None
        if transport not in (*TRANSPORTS, *TELEPHONY):
            return refuse(400, f"the 'transport' must be one of {', '.join((*TRANSPORTS, *TELEPHONY))}")
        data = body.get("body")
        data = data if isinstance(data, dict) else {}
        self.appliance.check(data)  # refused here, where the client can show why
        session_id = self.sessions.start(data)
        if transport == "websocket":
            # Nothing else: its client throws at any other key.
            return JSONResponse({"wsUrl": rtvi_url(request, session_id)})
        if transport in TELEPHONY:
            return JSONResponse({"wsUrl": telephony_url(request, self.lan, session_id)})
        answer: dict[str, Any] = {"sessionId": session_id, **for_clients(self.config.webrtc)}
        if body.get("enableFileUploads") is True:
            # Not unasked: the transport of the first 1.x clients throws at keys that it does not know.
            answer["fileUploadUrl"] = f"/sessions/{session_id}/files"
        return JSONResponse(answer)

    async def offer(self, request: Request) -> Response:
        if (refusal := self._busy(request)) is not None:
            return refusal
        try:
            offer = read_offer(await _json(request))
            sdp, pc_id = await self.sessions.offer(offer, self._options(request), request.path_params.get("session_id"))
        except Exception as error:
            self.metrics.offers.labels(type(error).__name__).inc()
            raise
        self.metrics.offers.labels("answered").inc()
        return JSONResponse({"sdp": sdp, "type": "answer", "pc_id": pc_id})

    async def trickle(self, request: Request) -> Response:
        pc_id, candidates = read_candidates(await _json(request))
        await self.sessions.transport(pc_id, request.path_params.get("session_id")).add_candidates(candidates)
        return JSONResponse({"status": "success"})

    def _busy(self, request: Request) -> Response | None:
        wait_s = self.limiter.take(_client(request))
        if wait_s:
            return refuse(429, f"too many requests; try again in {wait_s} s", {"Retry-After": str(wait_s)})
        missing = self.appliance.ready()
        if missing:
            return refuse(503, f"not ready yet: {', '.join(missing)}", {"Retry-After": _RETRY_AFTER_S})
        return None

    def _options(self, request: Request) -> WebRtcOptions:
        local = self.policy.this_machine_only
        return WebRtcOptions(
            peer=PeerOptions(
                ice_servers=ice_servers(self.config.webrtc),
                addresses=tuple(host_addresses(loopback=local or is_loopback(_client(request)))),
                ports=read_ports(self.config.webrtc.udp_ports),
                announce=self.config.webrtc.announced_address,
                accept_address=self.own_addresses.__contains__ if local else lambda address: True,
            ),
            max_message_bytes=self.config.server.max_message_bytes,
        )


_Handler = Callable[[Request], Awaitable[Response]]


def _answering_errors(endpoint: _Handler) -> _Handler:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NoFreePort as error:
            return refuse(429, str(error), {"Retry-After": _RETRY_AFTER_S})
        except OfferError as error:
            return refuse(400, str(error))
        except UnusableRequest as error:
            return refuse(422, str(error))
        except UnknownSession:
            return refuse(404, "no such session; it may have ended")
        except TooManyConversations as error:
            # Not 503: clients take that for a passing failure and ask again three times before they tell anybody.
            return refuse(429, str(error) or "too many conversations", {"Retry-After": _RETRY_AFTER_S})
        except TooManySessions:
            return refuse(503, "too many sessions were started and not used", {"Retry-After": _RETRY_AFTER_S})

    return answer


async def _json(request: Request, **default: object) -> Any:
    """The body as JSON; `empty` is returned for none. Raises OfferError."""
    body = await request.body()
    if not body.strip() and "empty" in default:
        return default["empty"]
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OfferError("the body is not JSON") from error


def _client(request: Request) -> str:
    return request.client.host if request.client is not None else ""
