"""A real HTTP server on loopback that can misbehave in all the ways that sources of models do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Handler", "Resource"], None]


@dataclass
class Resource:
    """What a path answers with. Each fault is used for one request, in order; after them it behaves."""

    body: bytes
    etag: str = '"1"'
    last_modified: str = ""
    ranges: bool = True
    content_type: str = "application/octet-stream"
    faults: list[Fault] = field(default_factory=list)
    chunk_bytes: int = 65536
    before_chunk: Callable[[], None] = lambda: None


class Server:
    """Resources by path, and what was asked of them."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.requests: list[tuple[str, str]] = []
        """Path and Range header of every request."""
        self.bytes_sent = 0
        self.sent_more = threading.Condition()
        self.closing = threading.Event()
        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self._http.model_server = self
        self.port: int = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def put(self, path: str, body: bytes, *faults: Fault, **options: Any) -> str:
        """Serve `body` at `path`; returns its address."""
        self.resources[path] = Resource(body, faults=list(faults), **options)
        return self.url + path

    def wait_for_bytes(self, count: int, timeout_s: float = 60.0) -> None:
        """Until so many more bytes were sent."""
        with self.sent_more:
            goal = self.bytes_sent + count
            if not self.sent_more.wait_for(lambda: self.bytes_sent >= goal, timeout_s):
                raise TimeoutError(f"sent {self.bytes_sent} of {goal} bytes")

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """To be called before it runs."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.port}"

    def ranges_asked(self, path: str) -> list[str]:
        return [asked for requested, asked in self.requests if requested == path]

    @contextmanager
    def running(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = False
    model_server: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that are killed break their connections: that is what is tested


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Quiet
    timeout = 20

    def do_GET(self) -> None:
        model_server = self.server.model_server
        model_server.requests.append((self.path, self.headers.get("Range", "")))
        resource = model_server.resources.get(self.path)
        if resource is None:
            self.answer(404, b"")
        elif resource.faults:
            resource.faults.pop(0)(self, resource)
        else:
            self.behave(resource)

    def behave(self, resource: Resource) -> None:
        start = self._start(resource)
        headers = {"Content-Range": f"bytes {start}-{len(resource.body) - 1}/{len(resource.body)}"} if start else {}
        self.begin(206 if start else 200, len(resource.body) - start, resource, headers)
        self.send_body(resource.body[start:], resource)

    def _start(self, resource: Resource) -> int:
        asked = self.headers.get("Range", "")
        condition = self.headers.get("If-Range", "")
        if not asked or not resource.ranges or (condition and condition not in (resource.etag, resource.last_modified)):
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def begin(self, status: int, length: int, resource: Resource, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Type", resource.content_type)
        for name, value in (("ETag", resource.etag), ("Last-Modified", resource.last_modified), *headers.items()):
            if value:
                self.send_header(name, value)
        self.end_headers()

    def send_body(self, body: bytes, resource: Resource) -> None:
        for at in range(0, len(body), resource.chunk_bytes):
            resource.before_chunk()
            chunk = body[at : at + resource.chunk_bytes]
            self.wfile.write(chunk)
            server = self.server.model_server
            with server.sent_more:
                server.bytes_sent += len(chunk)
                server.sent_more.notify_all()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def break_off(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def status(code: int, **headers: str) -> Fault:
    return lambda handler, resource: handler.answer(code, b"", **headers)


def redirect(url: str, code: int = 302) -> Fault:
    return status(code, Location=url)


def break_after(count: int) -> Fault:
    """Announce everything, send `count` more bytes than the client has, then cut the connection."""

    def fault(handler: Handler, resource: Resource) -> None:
        start = handler._start(resource)
        headers = {"Content-Range": f"bytes {start}-{len(resource.body) - 1}/{len(resource.body)}"} if start else {}
        handler.begin(206 if start else 200, len(resource.body) - start, resource, headers)
        handler.send_body(resource.body[start : start + count], resource)
        handler.break_off()

    return fault


def stall_after(count: int) -> Fault:
    """Send `count` bytes and then nothing, until the test is over."""

    def fault(handler: Handler, resource: Resource) -> None:
        handler.begin(200, len(resource.body), resource, {})
        handler.send_body(resource.body[:count], resource)
        handler.server.model_server.closing.wait(20)
        handler.close_connection = True

    return fault


def shorter(body: bytes) -> Fault:
    """A complete answer that is less than the file."""
    return lambda handler, resource: handler.answer(200, body)


def endless(block: bytes = b"x" * 65536) -> Fault:
    """No length announced, and no end."""

    def fault(handler: Handler, resource: Resource) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while not handler.server.model_server.closing.is_set():
            handler.wfile.write(block)

    return fault
