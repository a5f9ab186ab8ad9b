"""The token that everybody on the local network must bring, on every path and every WebSocket.

A browser brings it once, in the address that is printed and shown as a QR code; from then on a cookie holds it, and it is taken
out of the address, so that it stays neither in the history nor in a screenshot. Programs bring it as `Authorization: Bearer`,
or, where they cannot set headers, in the query or in the path (`/ws-client/TOKEN`).
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rtvi_local.server.certificate import write_private
from rtvi_local.server.limits import RateLimiter
from rtvi_local.server.security import refuse

COOKIE = "rtvi_local_token"
_COOKIE_LASTS_S = 365 * 24 * 3600
_UNAUTHORIZED_CLOSE_CODE, _TOO_MANY_CLOSE_CODE = 4401, 4429
_SOCKET_PATHS = ("/ws-client/", "/ws/")
_MISSING = "this appliance answers only to who has its token: open the address that it printed, or scan its QR code"


def kept_token(path: Path) -> str:
    """The token in this file, made on first use. Whoever wants another deletes the file. Raises OSError."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        token = ""
    if len(token) < 16:
        token = secrets.token_urlsafe(24)
        write_private(path, f"{token}\n".encode("ascii"))
    return token


class TokenMiddleware:
    """Hands on what brings the token. Who guesses is slowed down, per address."""

    def __init__(self, app: ASGIApp, *, token: str, limiter: RateLimiter) -> None:
        self._app = app
        self._token = token.encode()
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        in_query = any(name == "token" and self._is_right(value) for name, value in query)
        headers = Headers(scope=scope)
        if in_query and scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            await self._welcome(query)(scope, receive, send)
        elif in_query or self._is_right(_bearer(headers)) or self._is_right(_cookie(headers)) or self._in_path(scope):
            await self._app(scope, receive, send)
        else:
            await self._turn_away(scope, receive, send)

    def _welcome(self, query: list[tuple[str, str]]) -> RedirectResponse:
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        response = RedirectResponse(f"/?{rest}" if rest else "/", 303)
        response.set_cookie(
            COOKIE, self._token.decode(), max_age=_COOKIE_LASTS_S, secure=True, httponly=True, samesite="lax", path="/"
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def _in_path(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return scope["type"] == "websocket" and any(
            path.startswith(prefix) and self._is_right(path[len(prefix) :].partition("/")[0]) for prefix in _SOCKET_PATHS
        )

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        wait_s = self._limiter.take(client[0] if client else "")
        if scope["type"] == "websocket":
            code = _TOO_MANY_CLOSE_CODE if wait_s else _UNAUTHORIZED_CLOSE_CODE
            await send({"type": "websocket.close", "code": code, "reason": _MISSING})
        elif wait_s:
            await refuse(429, f"too many requests without the token; try again in {wait_s} s", {"Retry-After": str(wait_s)})(
                scope, receive, send
            )
        else:
            await refuse(401, _MISSING, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _is_right(self, presented: str) -> bool:
        return hmac.compare_digest(presented.encode(), self._token)


def _bearer(headers: Headers) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    cookies = SimpleCookie()
    for line in headers.getlist("cookie"):
        try:
            cookies.load(line)
        except CookieError:
            return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
