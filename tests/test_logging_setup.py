from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from rtvi_local.errors import UserError
from rtvi_local.logging_setup import set_up_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("rtvi_local")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.captureWarnings(False)


def logged(level: str | None, **environment: str) -> str:
    stream = io.StringIO()
    set_up_logging(level, environment={"JOURNAL_STREAM": "1:2", **environment}, stream=stream)
    for name in ("rtvi_local.x", "httpx"):
        logger = logging.getLogger(name)
        logger.debug("d")
        logger.info("i")
        logger.warning("w")
    return stream.getvalue()


def test_by_default_the_project_is_heard_from_info_and_libraries_from_warning() -> None:
    assert logged(None).splitlines() == ["INFO    rtvi_local.x: i", "WARNING rtvi_local.x: w", "WARNING httpx: w"]


def test_the_flag_beats_the_variable() -> None:
    assert "rtvi_local.x: i" not in logged(None, RTVI_LOCAL_LOG="warning")
    assert "rtvi_local.x: d" in logged("debug", RTVI_LOCAL_LOG="error")


def test_a_level_that_is_none_is_refused_with_its_source() -> None:
    with pytest.raises(UserError, match="RTVI_LOCAL_LOG: 'loud' is not a log level; allowed are debug"):
        logged(None, RTVI_LOCAL_LOG="loud")


def test_a_line_break_in_a_message_makes_no_second_line() -> None:
    stream = io.StringIO()
    set_up_logging("info", environment={"JOURNAL_STREAM": ""}, stream=stream)
    logging.getLogger("rtvi_local").warning("joined: %s", "me\nERROR rtvi_local: forged")
    assert stream.getvalue() == "WARNING rtvi_local: joined: me\\nERROR rtvi_local: forged\n"
