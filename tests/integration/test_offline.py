"""With the cable out: a network namespace that has nothing but its own loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.models

_UNSHARE = ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def _has_namespaces() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def test_a_whole_conversation_without_any_network_and_nothing_tries_to_leave(models_directory: Path) -> None:
    if not _has_namespaces():
        pytest.skip(
            "OFFLINE IS NOT TESTED: this machine gives no network namespaces (needs iproute2, and root or user namespaces)"
        )
    run = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.integration.offline", str(models_directory)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.strip().splitlines()[-1])
    assert "capital of france" in result["transcripts"][0].lower()
    assert result["reply"]
    assert result["heard"]
    assert result["attempts"] == []
