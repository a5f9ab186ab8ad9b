"""A server in a process of its own, for as long as it is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
from typing_extensions import Self

T = TypeVar("T")
_LOOK_S = 0.1
"""Between two looks at whether the process still runs."""
_DIES_S = 1.0
"""After its connections are gone, until a process that was killed is known to have ended."""
_LAST_LINES = 40
"""Of what it said: why it ended, and not all that it ever logged."""


class ServerFailed(Exception):
    """The server did not come up, or ended while it was needed; the text is what it said."""


def free_port() -> int:
    """A TCP port that nobody on this machine listens on, nor is given by chance in the next minute.

    A connection to it was closed from its side: so long the system hands it out to nobody who wants any port, and who listens
    on it with SO_REUSEADDR, as servers do, still gets it (RFC 9293, 3.3.2, TIME-WAIT; the idea is Yelp's
    ephemeral-port-reserve)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        probe.listen(1)
        port: int = probe.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = probe.accept()
            accepted.close()
        return port


class ChildProcess:
    """`with ChildProcess(…) as child:` starts a command, waits until its `ready` path answers 200, and stops it at the end."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        url: str,
        ready: str,
        environment: dict[str, str],
        *,
        within_s: float = 120,
    ) -> None:
        self.name = name
        self.url = url
        self._command = command
        self._ready = ready
        self._within_s = within_s
        self._environment = {**os.environ, **environment}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._said = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.ready_after_s = 0.0

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._process = subprocess.Popen(self._command, env=self._environment, stdout=self._log, stderr=self._log)
        try:
            self._wait_until_ready(began + self._within_s)
        except BaseException:
            self.stop()
            raise
        self.ready_after_s = time.monotonic() - began
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._said = self.output()
        self._log.close()

    def _wait_until_ready(self, until: float) -> None:
        # One client for all the looks: to make one costs 20 ms, of the cores that the server needs to load.
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < until:
                if self.process.poll() is not None:
                    raise self._failed()
                try:
                    if client.get(f"{self.url}{self._ready}").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.05)
        raise ServerFailed(f"{self.name} was not ready in time:\n{self.output()}")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """`asyncio.run(work)`. Raises ServerFailed as soon as the process ends before that is done."""
        return asyncio.run(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        working, ended = asyncio.create_task(work), asyncio.create_task(self._ended())
        try:
            await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
            failure = working.exception() if working.done() else None
            if failure is not None:
                await asyncio.wait({ended}, timeout=_DIES_S)  # it may be what made it fail
            if ended.done() and (failure is not None or not working.done()):
                raise self._failed() from failure
            return await working
        finally:
            working.cancel()
            ended.cancel()
            await asyncio.gather(working, ended, return_exceptions=True)

    async def _ended(self) -> None:
        while self.process.poll() is None:  # noqa: ASYNC110 - a process is no event of asyncio's
            await asyncio.sleep(_LOOK_S)

    def _failed(self) -> ServerFailed:
        said = "\n".join(self.output().splitlines()[-_LAST_LINES:])
        return ServerFailed(f"{self.name} ended with exit code {self.process.returncode}:\n{said}")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server has not been started"
        return self._process

    def output(self) -> str:
        """Everything that the process printed."""
        if self._log.closed:
            return self._said
        # Not by seeking: the process writes where this file, which it shares, stands.
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def cpu_s(self) -> float:
        """Processor time used so far, all threads, in seconds (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """Resident memory (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> int:
        """End it in good order; by force if it does not within 15 s. Returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class ServerProcess(ChildProcess):
    """`with ServerProcess() as server:` is `rtvi-local serve` on a free port, ready; with `ready="/livez"`, listening."""

    def __init__(
        self,
        arguments: Sequence[str] = (),
        *,
        environment: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        ready: str = "/readyz",
    ) -> None:
        self.port = free_port()
        command = [*prefix, sys.executable, "-m", "rtvi_local", "serve", "--port", str(self.port), *arguments]
        super().__init__("rtvi-local serve", command, f"http://127.0.0.1:{self.port}", ready, environment or {})
