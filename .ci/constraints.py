"""Print the versions that are installed in this environment, as constraints for pip. `make constraints` runs it.

A version that does not exist for the oldest Python that the project supports is pinned for newer ones only.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OLDEST = "3.10"
NOT_OURS = {"pip", "setuptools", "wheel", "rtvi-local"}

lines = []
for distribution in distributions():
    name = canonicalize_name(distribution.metadata["Name"])
    if name in NOT_OURS:
        continue
    requires = distribution.metadata.get("Requires-Python") or ""
    line = f"{name}=={distribution.version}"
    if OLDEST not in SpecifierSet(requires):
        newest_floor = next(spec.version for spec in SpecifierSet(requires) if spec.operator == ">=")
        line += f' ; python_version >= "{newest_floor}"'
    lines.append(line)
sys.stdout.write("# The versions that the tests ran with; written by `make constraints`.\n")
sys.stdout.write("\n".join(sorted(set(lines))) + "\n")
