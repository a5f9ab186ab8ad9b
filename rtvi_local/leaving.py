"""Ending the process while threads of it do what cannot be cut short."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process now; what was printed and logged is written. Python's own end waits for all threads, and one that loads a
    large model takes minutes. What they write must be worth nothing until it is whole."""
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):  # whoever read them may be gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
