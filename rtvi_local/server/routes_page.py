"""The bundled page: files of this package, and nothing else."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from rtvi_local.server.endpoint import Endpoint

_NOT_BUILT = "The page is not in this installation; build it with `make web`. The API works all the same.\n"


ENDPOINTS = (
    Endpoint(
        ("GET",),
        ("/",),
        "The bundled page, and every file of it, `/sdk/voice-client.js` among them.",
        errors={503: "the page was not built"},
    ),
)


class _Page(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Always asked for again (and mostly answered 304): after an update, an old page must not meet a new server.
        response.headers.setdefault("Cache-Control", "no-cache")
        if path.endswith(".ts"):
            response.headers["Content-Type"] = "application/typescript; charset=utf-8"  # to most systems it is a video
        return response


def page_routes(folder: Path) -> list[BaseRoute]:
    """Serve `folder` at the root. To be the last routes, as they match every path."""
    if not (folder / "index.html").is_file():

        async def not_built(request: object) -> Response:
            return PlainTextResponse(_NOT_BUILT, status_code=503)

        return [Route("/", not_built)]
    return [Mount("/", _Page(directory=folder, html=True))]
