"""`serve --lan` from another address: TLS, the token and WebRTC, with nothing of it mocked but the engines."""

from __future__ import annotations

from pathlib import Path

from tests.integration.lan import ADDRESS
from tests.integration.namespace import found_by

_SETUP = f"ip link set lo up && ip addr add {ADDRESS}/24 dev lo"


def test_the_local_network_gets_in_with_the_token_and_not_without(tmp_path: Path) -> None:
    found = found_by("tests.integration.lan", tmp_path, setup=_SETUP, what="--lan", timeout_s=120)
    assert found.pop("printed"), "the address is the one that others reach"
    assert found.pop("stranger") == [401] * 4
    assert found.pop("welcome") == [303, "/"]
    assert found.pop("page") == [200, True]
    assert found.pop("foreign_name") == 403
    assert found.pop("sockets") == [False, True, True]
    assert found.pop("uploads") == [401, 401, 200, 200, 200, 200]
    assert found.pop("conversation") == {"echoed": ["hello"], "heard": True, "offers_loopback": False}
    assert not found
