"""Runs a module in a network namespace of its own, and reads what it found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def found_by(module: str, argument: Path, *, setup: str, what: str, timeout_s: float) -> Any:
    """What `python -m module argument` prints as its last line of JSON, after the shell commands `setup` in a network namespace
    that has nothing but its own loopback, where what is mounted is seen by nobody else. Skips the test, saying that `what` is
    not tested, where there are no namespaces."""
    inside = ["unshare", "--net", "--mount", "--map-root-user", "sh", "-c", f'{setup} && exec "$@"', "sh"]
    tools = shutil.which("unshare") and shutil.which("ip")
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False) if tools else None
    if tried is None or tried.returncode != 0:
        pytest.skip(
            f"{what} IS NOT TESTED: this machine gives no network namespaces (needs iproute2, and root or user namespaces) "
            f"{tried.stderr if tried else ''}"
        )
    run = subprocess.run(
        [*inside, sys.executable, "-m", module, str(argument)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.strip().splitlines()[-1])
