"""Logs: one plain line for each event, to stderr. What people say is never logged above the level debug."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from rtvi_local.errors import UserError

LEVELS = ("debug", "info", "warning", "error")


def set_up_logging(level: str | None, *, environment: Mapping[str, str] = os.environ, stream: TextIO | None = None) -> None:
    """Log from this level on: `level` (a flag), else RTVI_LOCAL_LOG, else info. Raises UserError for a level that is none.

    Libraries are heard from warning on: at info, some of them report every request and every ICE check.
    """
    origin = "--log-level" if level is not None else "RTVI_LOCAL_LOG"
    name = level if level is not None else environment.get("RTVI_LOCAL_LOG", "info")
    if name.lower() not in LEVELS:
        raise UserError(f"{origin}: {name!r} is not a log level; allowed are {', '.join(LEVELS)}")
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    # The systemd journal stamps the time itself.
    time = "" if "JOURNAL_STREAM" in environment else "%(asctime)s "
    handler.setFormatter(OneLineFormatter(f"{time}%(levelname)-7s %(name)s: %(message)s"))
    number = logging.getLevelName(name.upper())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("rtvi_local").setLevel(number)
    logging.captureWarnings(True)


class OneLineFormatter(logging.Formatter):
    """Line breaks in a message are shown, not obeyed: a client could forge log lines with them. Tracebacks keep theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
