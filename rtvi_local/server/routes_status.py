"""Whether the process is up, whether it can talk, and what it can do."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rtvi_local.config import Config
from rtvi_local.server.appliance import Appliance
from rtvi_local.server.endpoint import Endpoint
from rtvi_local.server.metrics import CONTENT_TYPE, Metrics
from rtvi_local.transports.ice_servers import for_clients
from rtvi_local.transports.telephony_providers import PROVIDERS

TRANSPORTS = ("webrtc", "websocket")
TELEPHONY = tuple(provider.name for provider in PROVIDERS)
"""What may be asked for in POST /start."""


ENDPOINTS = (
    Endpoint(("GET",), ("/livez",), "The process is up.", response={"alive": "`true`"}),
    Endpoint(
        ("GET",),
        ("/readyz",),
        "Conversations can begin.",
        response={"ready": "boolean", "missing": "list of strings, with status 503: what is still loading"},
        errors={503: "not yet"},
    ),
    Endpoint(
        ("GET",),
        ("/status",),
        "What this server can do.",
        response={
            "status": "`ready` or `starting`",
            "transports": "list: what `POST /start` takes as `transport`",
            "telephony": "list: the telephone providers that it takes besides",
            "conversations": "number: how many are going on",
            "iceConfig": "as in the answer to `POST /start`",
        },
    ),
    Endpoint(("GET",), ("/metrics",), "Numbers for Prometheus, as text; nothing that anybody said."),
)


def status_routes(config: Config, appliance: Appliance, metrics: Metrics) -> list[BaseRoute]:
    async def livez(request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        missing = list(appliance.ready())
        if missing:
            return JSONResponse({"ready": False, "missing": missing}, status_code=503)
        return JSONResponse({"ready": True})

    async def status(request: Request) -> Response:
        return JSONResponse(
            {"status": "starting" if appliance.ready() else "ready", "transports": TRANSPORTS, "telephony": TELEPHONY}
            | _load(appliance)
            | for_clients(config.webrtc)
        )

    async def exposition(request: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/status", status),
        Route("/metrics", exposition),
    ]


def _load(appliance: Appliance) -> dict[str, int]:
    return {"conversations": appliance.conversations}
