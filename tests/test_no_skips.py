"""What CI must not pass over in silence: tests/conftest.py makes it fail."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPPED = """
import pytest

@pytest.mark.skipif(True, reason={reason!r})
def test_marked(): pass

@pytest.fixture
def lacking(): pytest.skip({reason!r})

def test_in_a_fixture(lacking): pass

def test_in_the_test(): pytest.skip({reason!r})

@pytest.mark.xfail
def test_that_is_known_to_fail(): assert False
"""


@pytest.mark.parametrize(
    ("no_skips", "reason", "skipped"),
    [
        ("1", "systemd-analyze IS MISSING", 0),
        ("1", "there are no recordings here", 3),
        ("", "systemd-analyze IS MISSING", 3),
    ],
)
def test_a_skip_is_a_failure_where_everything_should_be_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, no_skips: str, reason: str, skipped: int
) -> None:
    monkeypatch.setenv("RTVI_TESTS_NO_SKIPS", no_skips)
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(SKIPPED.format(reason=reason))
    result = pytester.runpytest_inprocess("-rs", "-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert outcomes.get("skipped", 0) == skipped
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 3 - skipped
    assert outcomes["xfailed"] == 1
    assert reason in result.stdout.str()
