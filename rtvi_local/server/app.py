"""The web application: everything that comes in over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from rtvi_local.bundled import bundled
from rtvi_local.config import Config
from rtvi_local.server.appliance import Appliance
from rtvi_local.server.headers import HeadersMiddleware
from rtvi_local.server.lan import Lan
from rtvi_local.server.limits import Limits, RateLimiter
from rtvi_local.server.metrics import Metrics
from rtvi_local.server.origins import Policy
from rtvi_local.server.routes_files import FileRoutes
from rtvi_local.server.routes_legacy import LegacyRoutes
from rtvi_local.server.routes_page import page_routes
from rtvi_local.server.routes_sockets import TWIML_PATH, SocketRoutes
from rtvi_local.server.routes_status import status_routes
from rtvi_local.server.routes_webrtc import WebRtcRoutes
from rtvi_local.server.security import SecurityMiddleware, refuse
from rtvi_local.server.sessions import Sessions
from rtvi_local.server.token import TokenMiddleware
from rtvi_local.transports.webrtc_addresses import OwnAddresses


def create_app(
    config: Config,
    appliance: Appliance,
    *,
    limits: Limits | None = None,
    metrics: Metrics | None = None,
    page: Path | None = None,
    lan: Lan | None = None,
) -> Starlette:
    """The application for one appliance; with `lan` everybody must bring its token. `app.state` has `sessions` and `metrics`.
    On shutdown every client is told that the bot leaves, and every connection is closed."""
    limits = limits or Limits()
    metrics = metrics or Metrics()
    policy = Policy(config.server.host, config.server.allowed_origins, lan.names if lan else ())
    sessions = Sessions(appliance, limits)
    sessions.on_session_ended = appliance.files.uploads.forget
    sessions.on_transport_ended = lambda transport: metrics.count_transport(transport.statistics)
    metrics.observe_conversations(lambda: appliance.conversations)
    limiter = RateLimiter(limits.requests_per_s, limits.requests_burst)
    webrtc = WebRtcRoutes(
        config=config,
        policy=policy,
        appliance=appliance,
        sessions=sessions,
        limiter=limiter,
        metrics=metrics,
        own_addresses=OwnAddresses(),
        lan=lan,
    )
    sockets = SocketRoutes(config=config, appliance=appliance, sessions=sessions, limiter=limiter, metrics=metrics, lan=lan)
    guessing = RateLimiter(limits.guesses_per_s, limits.guesses_burst)
    needs_token = [Middleware(TokenMiddleware, token=lan.token, limiter=guessing)] if lan else []

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(metrics.watch_loop(appliance.is_idle, appliance.is_answering))
        try:
            yield
        finally:
            watch.cancel()
            await sessions.close("the server is stopping")

    app = Starlette(
        routes=[
            *status_routes(config, appliance, metrics),
            *webrtc.routes(),
            *sockets.routes(),
            *LegacyRoutes(appliance, sessions, limiter).routes(),
            *FileRoutes(appliance.files, sessions, limiter).routes(),
            *page_routes(page or bundled("web")),
        ],
        middleware=[
            Middleware(HeadersMiddleware),
            Middleware(
                SecurityMiddleware,
                policy=policy,
                max_body_bytes=config.server.max_body_bytes,
                body_s=limits.body_s,
                form_paths=frozenset({TWIML_PATH}),
                # A form is a little larger than the file in it; the route looks at the file itself.
                max_upload_bytes=appliance.files.max_bytes + 4096,
            ),
            *needs_token,
        ],
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
        lifespan=lifespan,
    )
    app.state.sessions = sessions
    app.state.metrics = metrics
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, error.detail or http.HTTPStatus(error.status_code).phrase, dict(error.headers or {}))


async def _server_error(request: Request, error: Exception) -> Response:
    return refuse(500, "something went wrong in the server; its log says more")
