"""The documentation of every endpoint, made from what stands beside its route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rtvi_local.server import routes_files, routes_legacy, routes_page, routes_sockets, routes_status, routes_webrtc
from rtvi_local.server.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *routes_webrtc.ENDPOINTS,
    *routes_sockets.ENDPOINTS,
    *routes_files.ENDPOINTS,
    *routes_legacy.ENDPOINTS,
    *routes_status.ENDPOINTS,
    *routes_page.ENDPOINTS,
)

_HEAD = """# Endpoints

<!-- Written by `make docs` from rtvi_local/server/routes_*.py; a test fails if the two differ. -->

Bodies are JSON with `Content-Type: application/json`, if nothing else is said; unknown fields are ignored. Every error is JSON
too: `{"detail": "…"}`, in words for people. CORS is answered to the origins that may use the server: its own, and
`server.allowed_origins` in the [settings](settings.md). Any endpoint may answer:

| status | why |
|---|---|
| 401 | with `--lan`: the [token](lan.md) is missing; a WebSocket is closed with 4401 (4429 after too many guesses) |
| 403 | a page of another origin, or a name that is not this server's; a WebSocket is not opened |
| 404, 405 | there is no such path, or not with this method |
| 408 | the body took longer than 10 s |
| 413 | the body is larger than `server.max_body_bytes` |
| 415 | the body is not `application/json` |
| 429 | with `--lan`: too many requests without the token |
| 500 | a fault of the server; its log says more |
"""


def endpoints_page() -> str:
    """docs/endpoints.md."""
    return _HEAD + "".join(f"\n{part}\n" for endpoint in ENDPOINTS for part in _parts(endpoint))


def _parts(endpoint: Endpoint) -> Iterator[str]:
    yield f"## {', '.join(endpoint.methods)} {', '.join(f'`{path}`' for path in endpoint.paths)}"
    yield endpoint.does
    codes = {str(code): why for code, why in sorted(endpoint.errors.items())}
    for head, rows in (("request", endpoint.request), ("response", endpoint.response), ("code", codes)):
        if rows:
            yield _table(head, rows)


def _table(head: str, rows: Mapping[str, str]) -> str:
    lines = [f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, text in rows.items()]
    return "\n".join([f"| {head} | |", "|---|---|", *lines])
