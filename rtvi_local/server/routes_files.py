"""Uploads: POST /sessions/{id}/files, and POST /files for clients that know no session. They answer a `send-file`'s `file`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.endpoint import RATE_LIMITED, Endpoint
from rtvi_local.server.limits import RateLimiter
from rtvi_local.server.security import refuse
from rtvi_local.server.sessions import Sessions

_LONGEST_NAME = 200


ENDPOINTS = (
    Endpoint(
        ("POST",),
        ("/files", "/sessions/{session_id}/files"),
        "Upload a file for a `send-file`, see [pictures and files](images.md). The body is `multipart/form-data`.",
        request={"file": "the file, with its name; needed"},
        response={
            "name": "string: the file's name",
            "format": "string: its MIME type",
            "source": "`{type: 'url', url}`; all three together are the `file` of a `send-file`",
        },
        errors={
            404: "the session has ended, or never was",
            413: "the file is larger than `server.max_file_bytes`",
            422: "there is no file in the body",
            429: RATE_LIMITED,
        },
    ),
)


@dataclass(frozen=True)
class FileRoutes:
    """The endpoints; `routes` lists them."""

    rules: FileRules
    sessions: Sessions
    limiter: RateLimiter

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/files", self.upload, methods=["POST"]),
            Route("/sessions/{session_id}/files", self.upload, methods=["POST"]),
        ]

    async def upload(self, request: Request) -> Response:
        wait_s = self.limiter.take(request.client.host if request.client is not None else "")
        if wait_s:
            return refuse(429, f"too many requests; try again in {wait_s} s", {"Retry-After": str(wait_s)})
        session_id = request.path_params.get("session_id")
        if session_id is not None and not self.sessions.knows(session_id):
            return refuse(404, "no such session; it may have ended")
        try:
            # The middleware has read the body already, and bounded it.
            async with request.form(max_files=1, max_fields=8, max_part_size=1024) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    return refuse(422, "the body must be multipart/form-data with a part named 'file'")
                data, name = await file.read(), " ".join((file.filename or "").split())[-_LONGEST_NAME:]
                declared = file.content_type
        except (MultiPartException, HTTPException):
            return refuse(422, "the body is not multipart/form-data that can be read")
        if len(data) > self.rules.max_bytes:
            return refuse(413, f"the file is larger than {self.rules.max_bytes} bytes (server.max_file_bytes)")
        if session_id is not None and not self.sessions.knows(session_id):
            return refuse(404, "no such session; it may have ended")
        url, upload = self.rules.uploads.keep(data, name=name, declared=declared, session_id=session_id)
        return JSONResponse({"name": upload.name, "format": upload.format, "source": {"type": "url", "url": url}})
