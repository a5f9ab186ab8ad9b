"""Who may talk to the server, before anything else is read.

A server on loopback is reached by every page that the user's browser opens: by its own name with a foreign Origin (CSRF, cross-
site WebSockets), or under a foreign name that was made to resolve to 127.0.0.1 (DNS rebinding). Both are refused on every path
and every WebSocket, static files included.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtvi_local.server.origins import Policy, host_allowed, origin_allowed

FORBIDDEN_CLOSE_CODE = 4003
UPLOAD_PATH = re.compile(r"(/sessions/[^/]+)?/files")
"""Where files come in, as forms: what comes does nothing before a client names it by a URL that nobody can guess."""
_METHODS_WITH_BODY = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_PREFLIGHT_LASTS_S = 600


class SecurityMiddleware:
    """Refuses what `Policy` does not allow, answers CORS preflights, and hands on only bodies that are JSON and small."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: Policy,
        max_body_bytes: int,
        body_s: float = 10.0,
        form_paths: frozenset[str] = frozenset(),
        max_upload_bytes: int = 0,
        upload_s: float = 60.0,
    ) -> None:
        self._app = app
        self._policy = policy
        self._max_body_bytes = max_body_bytes
        self._body_s = body_s
        self._form_paths = form_paths
        """Where a body may be no JSON: nothing is changed there, so a foreign page gains nothing."""
        self._max_upload_bytes = max_upload_bytes
        self._upload_s = upload_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": FORBIDDEN_CLOSE_CODE, "reason": refusal})
            return
        if refusal is not None:
            await refuse(403, refusal)(scope, receive, send)
            return
        origin = headers.get("origin")
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers)(scope, receive, send)
            return
        answer = _with_cors(send, origin) if origin else send
        if scope["method"] in _METHODS_WITH_BODY:
            checked = await self._read_body(headers, receive, scope["path"])
            if isinstance(checked, Response):
                await checked(scope, receive, answer)
                return
            receive = _replay(checked, receive)
        await self._app(scope, receive, answer)

    def _refusal(self, headers: Headers) -> str | None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not host_allowed(hosts[0], self._policy):
            return "this server does not answer to that name; use http://localhost, or set server.host"
        if len(origins) > 1 or not all(origin_allowed(origin, hosts[0], self._policy) for origin in origins):
            return "pages of this origin may not use this server; allow it with server.allowed_origins"
        return None

    async def _read_body(self, headers: Headers, receive: Receive, path: str) -> bytes | Response:
        is_upload = UPLOAD_PATH.fullmatch(path) is not None
        most_bytes = self._max_upload_bytes if is_upload else self._max_body_bytes
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > most_bytes:
            return _too_large(most_bytes)
        # Read here, whole: a chunked body announces no length, and the routes want it whole anyway.
        try:
            body = await asyncio.wait_for(_collect(receive, most_bytes), self._upload_s if is_upload else self._body_s)
        except asyncio.TimeoutError:
            return refuse(408, "the request's body took too long")
        if body is None:
            return _too_large(most_bytes)
        if is_upload or path in self._form_paths:
            return body
        # A page of a foreign origin can send forms and text without a preflight, JSON it cannot.
        if body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return refuse(415, "the body must be application/json")
        return body


def _too_large(most_bytes: int) -> Response:
    return refuse(413, f"the body is larger than {most_bytes} bytes")


def refuse(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error as every client reads it: JSON with `detail`."""
    return JSONResponse({"detail": detail}, status_code=status, headers=headers)


async def _collect(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None if it is larger than `limit`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _preflight(headers: Headers) -> Response:
    answer = Response(status_code=204)
    _allow_origin(answer.headers, headers.get("origin"))
    answer.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, OPTIONS"
    answer.headers["Access-Control-Allow-Headers"] = headers.get("access-control-request-headers", "content-type")
    answer.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_LASTS_S)
    if headers.get("access-control-request-private-network") == "true":
        answer.headers["Access-Control-Allow-Private-Network"] = "true"
    return answer


def _with_cors(send: Send, origin: str) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            _allow_origin(MutableHeaders(scope=message), origin)
        await send(message)

    return send_with_cors


def _allow_origin(headers: MutableHeaders, origin: str | None) -> None:
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
    headers.add_vary_header("Origin")
