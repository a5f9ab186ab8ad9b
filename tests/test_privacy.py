"""What the libraries beneath would tell their makers, were they not kept from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_onnxruntime_makes_no_identifier_of_this_machine(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # this process may have it from rtvi_local itself
    subprocess.run([sys.executable, "-c", "import rtvi_local, onnxruntime"], env=environment, timeout=60, check=True)
    assert list(tmp_path.iterdir()) == []
