"""`serve --lan` from another address: TLS, the token and WebRTC, with nothing of it mocked but the engines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.lan import ADDRESS

_SETUP = f'ip link set lo up && ip addr add {ADDRESS}/24 dev lo && exec "$@"'
_UNSHARE = ["unshare", "--net", "--map-root-user", "sh", "-c", _SETUP, "sh"]


def test_the_local_network_gets_in_with_the_token_and_not_without(tmp_path: Path) -> None:
    tools = shutil.which("unshare") and shutil.which("ip")
    if not tools or subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip(
            "--lan IS NOT TESTED: this machine gives no network namespaces (needs iproute2, and root or user namespaces)"
        )
    run = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.integration.lan", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.strip().splitlines()[-1])
    assert found.pop("printed"), "the address is the one that others reach"
    assert found.pop("stranger") == [401] * 4
    assert found.pop("welcome") == [303, "/"]
    assert found.pop("page") == [200, True]
    assert found.pop("foreign_name") == 403
    assert found.pop("sockets") == [False, True, True]
    assert found.pop("conversation") == {"echoed": ["hello"], "heard": True, "offers_loopback": False}
    assert not found
