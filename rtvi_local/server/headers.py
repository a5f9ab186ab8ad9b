"""The headers that keep the page to itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CONTENT = (
    "default-src 'self'; connect-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'"
)

PAGE_HEADERS: Sequence[tuple[str, str]] = (
    (
        "Content-Security-Policy",
        f"{_CONTENT}; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Permissions-Policy", "microphone=(self), camera=(self)"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
"""On every answer: nothing that a page of this server shows or does comes from, or goes, anywhere else."""


class HeadersMiddleware:
    """Adds headers to every answer that has none of that name."""

    def __init__(self, app: ASGIApp, *, headers: Iterable[tuple[str, str]] = PAGE_HEADERS) -> None:
        self._app = app
        self._headers = tuple(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
