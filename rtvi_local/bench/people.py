"""Where recordings of people are, for what is measured and for the tests."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "RTVI_LOCAL_TEST_AUDIO"
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "audio"
"""Next to the checkout."""
DEFAULT = f"{VARIABLE}, else shared/audio next to the checkout"


def recordings_folder() -> Path | None:
    """What the variable names (none, if it is empty), else the folder next to the checkout, if there is one."""
    configured = os.environ.get(VARIABLE)
    if configured is not None:
        return Path(configured) if configured else None
    return BESIDE if BESIDE.is_dir() else None
