"""A server that is needed, and ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator

import pytest

from rtvi_local.bench.server_process import ChildProcess, ServerFailed, free_port


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with ChildProcess("the server", command, f"http://127.0.0.1:{port}", "/", {}) as child:
        yield child


def test_a_free_port_is_given_to_nobody_else_and_a_server_gets_it() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port


async def waits_for_what_never_comes(child: ChildProcess) -> None:
    child.process.send_signal(signal.SIGKILL)
    await asyncio.sleep(600)


async def loses_its_connection(child: ChildProcess) -> None:
    child.process.send_signal(signal.SIGKILL)
    raise ConnectionError("reset by peer")


async def fails_by_itself(child: ChildProcess) -> None:
    assert child.process.poll() is None
    raise ConnectionError("no route to host")


async def works(child: ChildProcess) -> int:
    await asyncio.sleep(0)
    return child.process.pid


@pytest.mark.parametrize("work", [waits_for_what_never_comes, loses_its_connection])
def test_work_with_a_server_that_ends_fails_with_what_it_said_instead_of_waiting(child: ChildProcess, work: object) -> None:
    assert callable(work)
    with pytest.raises(ServerFailed, match=r"the server ended with exit code -9:\n(.*\n)*.*GET /"):
        child.run(work(child))


def test_work_with_a_server_that_lives_returns_and_fails_as_it_does_alone(child: ChildProcess) -> None:
    assert child.run(works(child)) == child.process.pid
    with pytest.raises(ConnectionError, match="no route"):
        child.run(fails_by_itself(child))
