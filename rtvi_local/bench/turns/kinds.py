"""The kinds of scenes there are, in the order in which they are played."""

from __future__ import annotations

from typing import Any

from rtvi_local.bench.turns import answers, echo, end, interruptions, noise
from rtvi_local.bench.turns.kind import Kind

KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (end.KIND, answers.KIND, interruptions.KIND, echo.KIND, noise.KIND)}
