"""With the cable out: a network namespace that has nothing but its own loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.namespace import found_by

pytestmark = pytest.mark.models


def test_a_whole_conversation_without_any_network_and_nothing_tries_to_leave(models_directory: Path) -> None:
    result = found_by("tests.integration.offline", models_directory, setup="ip link set lo up", what="OFFLINE", timeout_s=180)
    assert "capital of france" in result["transcripts"][0].lower()
    assert result["reply"]
    assert result["heard"]
    assert result["attempts"] == []
