"""The clients as npm has them, each bundled into one script by this run; kept in build/ until one of them changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.node import node_environment

SOURCES = Path(__file__).parent / "clients"
BUILD = Path(__file__).parents[3] / "build" / "conformance"
BUILD_TIMEOUT_S = 300


@pytest.fixture(scope="session")
def bundles() -> Path:
    """The folder with one script per client. Needs npm: a registry's packages are not committed."""
    environment = node_environment("that the clients that exist work is")
    sources = [path for path in sorted(SOURCES.rglob("*")) if path.is_file() and "node_modules" not in path.parts]
    digest = hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    built = BUILD / digest
    if not built.is_dir():
        shutil.rmtree(BUILD, ignore_errors=True)
        work = BUILD / "work"
        shutil.copytree(SOURCES, work, ignore=shutil.ignore_patterns("node_modules"))
        for command in (["npm", "ci", "--prefer-offline"], ["node", "build.mjs", str(BUILD / "new")]):
            done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
            assert done.returncode == 0, done.stdout + done.stderr
        (BUILD / "new").rename(built)
        shutil.rmtree(work)
    return built
