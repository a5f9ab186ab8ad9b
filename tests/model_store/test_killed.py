"""kill -9 at any moment: nothing wrong is ever in place, and the next pull goes on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rtvi_local.model_store import ModelStore
from tests.model_store.conftest import Shop, file_entry, model_entry, sha256, some_bytes
from tests.model_store.http_server import stall_after

PULLING = """
import json, signal, sys
from pathlib import Path
from rtvi_local.model_store import ModelStore, Network
from rtvi_local.model_store.manifest import parse_manifest
signal.signal(signal.SIGINT, signal.default_int_handler)
directory, manifest, index = sys.argv[1:]
store = ModelStore(Path(directory), parse_manifest(json.loads(manifest), "test"), Network(package_index=index))
try:
    store.pull(["m"])
except KeyboardInterrupt:
    sys.exit(130)
"""
"""As from a terminal, wherever the tests run from: what a shell starts in the background ignores Ctrl-C, its children too."""

ELSEWHERE = """
import signal, sys, threading
def receive():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
threading.Thread(target=receive, daemon=True).start()
"""
"""A signal that interrupts no waiting, as one that comes just before the waiting begins: another thread receives it."""

PARTS = [some_bytes(400_000, seed) for seed in range(5)]
JOINED = b"".join(PARTS)
PLAIN = some_bytes(1_500_000, seed=9)


def _command(shop: Shop, model: Mapping[str, object]) -> list[str]:
    """Pulls this model, named m."""
    return [
        sys.executable,
        "-c",
        PULLING,
        str(shop.directory),
        json.dumps({"models": {"m": model}}),
        f"{shop.server.url}/simple",
    ]


def _published(shop: Shop) -> tuple[ModelStore, list[str]]:
    parts = []
    for number, part in enumerate(PARTS):
        shop.publish(f"part{number}", {"data": part})
        source = {"package": f"part{number}", "version": "1.0", "path": "data"}
        parts.append(source | {"size": len(part), "sha256": sha256(part)})
    url = shop.server.put("/plain", PLAIN)
    for resource in shop.server.resources.values():
        resource.chunk_bytes = 8192
    model = model_entry(file_entry("joined.bin", JOINED, {"parts": parts}), file_entry("plain.bin", PLAIN, {"url": url}))
    return shop.store(m=model), _command(shop, model)


def _nothing_wrong_in_place(directory: Path) -> None:
    for name, content in (("joined.bin", JOINED), ("plain.bin", PLAIN)):
        path = directory / "m" / name
        assert not path.exists() or path.read_bytes() == content


def _on_disk(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed or removed by the pull meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


def _until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Or until the pull is through."""
    deadline = time.monotonic() + 60
    while not is_so() and process.poll() is None:
        assert time.monotonic() < deadline, "the pull hangs"


def _until_on_disk(directory: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until the pull has written so much, or is through."""
    _until(lambda: _on_disk(directory) >= count, process)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_pull_that_is_killed_at_random_moments_is_finished_by_the_next(shop: Shop, seed: int) -> None:
    store, command = _published(shop)
    chance = random.Random(seed)
    total = len(JOINED) + len(PLAIN)
    for _ in range(5):
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            try:
                _until_on_disk(shop.directory, _on_disk(shop.directory) + chance.randrange(1, total // 6), process)
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait(60)
        _nothing_wrong_in_place(shop.directory)
        if not store.missing(["m"]):
            break
    sent_before = shop.server.bytes_sent
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert store.missing(["m"]) == ()
    _nothing_wrong_in_place(shop.directory)
    assert shop.server.bytes_sent - sent_before < total, "the last pull used what the killed ones had fetched"
    assert not (shop.directory / ".partial").exists()


def test_control_c_ends_a_pull_at_once_even_if_the_source_is_silent(shop: Shop) -> None:
    store, command = _published(shop)
    shop.server.resources["/plain"].faults += [stall_after(100_000)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            shop.server.wait_for_bytes(100_000)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
    _nothing_wrong_in_place(shop.directory)
    assert store.missing(["m"]) == ("m",)


def test_control_c_ends_a_pull_that_waits_even_if_the_signal_does_not_wake_it(shop: Shop) -> None:
    url = shop.server.put("/plain", PLAIN, stall_after(100_000))
    python, option, pulling, *arguments = _command(shop, model_entry(file_entry("plain.bin", PLAIN, {"url": url})))
    with subprocess.Popen([python, option, ELSEWHERE + pulling, *arguments], stdin=subprocess.PIPE) as process:
        try:
            _until_on_disk(shop.directory, 90_000, process)
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.wait(60) == 130
        finally:
            process.kill()


def test_control_c_ends_a_pull_at_once_even_if_a_disk_is_silent(shop: Shop, tmp_path: Path) -> None:
    pipe = tmp_path / "plain.bin"
    os.mkfifo(pipe)
    command = _command(shop, model_entry(file_entry("plain.bin", PLAIN, {"file": str(pipe)})))
    with pipe.open("r+b", buffering=0), subprocess.Popen(command) as process:  # there is somebody who writes, and nothing comes
        try:
            _until(lambda: any(shop.directory.rglob("*.copying")), process)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
