"""Print the versions that are installed in this environment, as constraints for pip. `make constraints` runs it.

A version that does not exist for the oldest Python that the project supports is pinned for newer ones only; for the older ones
stands what pip would install with that oldest Python, whose interpreter is the argument.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OLDEST = "3.10"
NOT_OURS = {"pip", "setuptools", "wheel", "rtvi-local"}


def installed() -> Iterator[tuple[str, str, str]]:
    """Name, version, and the Python that it needs, if that is newer than the oldest."""
    for distribution in distributions():
        requires = SpecifierSet(distribution.metadata.get("Requires-Python") or "")
        floor = "" if OLDEST in requires else next(spec.version for spec in requires if spec.operator == ">=")
        yield canonicalize_name(distribution.metadata["Name"]), distribution.version, floor


def resolved(python: str, constraints: list[str]) -> Iterator[tuple[str, str]]:
    """Name and version of all that pip would install for the tests."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "constraints.txt").write_text("\n".join(constraints))
        subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
        pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--dry-run"]
        report = folder / "report.json"
        subprocess.run([*pip, "--report", report, "-c", folder / "constraints.txt", ".[test]"], check=True)
        for each in json.loads(report.read_text())["install"]:
            yield canonicalize_name(each["metadata"]["name"]), each["metadata"]["version"]


here = {name: (version, floor) for name, version, floor in installed() if name not in NOT_OURS}
# Of python_version only the first two numbers are known: a floor of 3.11.5 needs the whole.
lines = [
    f"{name}=={version}" + (f' ; python_full_version >= "{floor}"' if floor else "") for name, (version, floor) in here.items()
]
for name, version in resolved(sys.argv[1], list(lines)):
    if name in NOT_OURS or (name in here and not here[name][1]):
        continue
    below = here[name][1] if name in here else "3.11"
    lines.append(f'{name}=={version} ; python_full_version < "{below}"')
sys.stdout.write("# The versions that the tests ran with; written by `make constraints`.\n")
sys.stdout.write("\n".join(sorted(set(lines))) + "\n")
