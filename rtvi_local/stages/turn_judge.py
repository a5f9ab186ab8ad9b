"""Asks the turn detector about a pause, the longer it is quiet the surer it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from rtvi_local.audio.pcm import Float32
from rtvi_local.engines.interfaces import TurnDetector

log = logging.getLogger(__name__)

JUDGE_MS = (64, 160, 256, 352, 448, 704, 960, 1216)
"""Silence after which it is asked, until it thinks that the turn is over. It needs some silence to be sure: of ten questions it
took one in five for unfinished after 150 ms and none after 500. The first time is while the words are still being transcribed,
which needs little more than one core; later ones take 25 ms from the language model."""
FINISHED = 0.5
"""Probability from which on it is not asked again."""


class TurnJudge:
    """Of one conversation's pauses."""

    def __init__(self, detector: TurnDetector | None, tell: Callable[[float, int], None]) -> None:
        """`tell` is given each probability, and the evaluation that it is of."""
        self.detector = detector
        self._tell = tell
        self._revision: int | None = None
        self._looks = 0
        self._looking: int | None = None
        """The evaluation that is being thought about: on a busy machine the next look comes late, not on top."""

    def begin(self, revision: int) -> None:
        """Another evaluation is wanted."""
        self._revision, self._looks = revision, 0

    def dismiss(self) -> None:
        """None is wanted any more."""
        self._revision = None

    def is_due(self, quiet_ms: float) -> bool:
        """Whether it is time for a look, after so much silence."""
        is_wanted = self.detector is not None and self._revision is not None and self._looking != self._revision
        return is_wanted and self._looks < len(JUDGE_MS) and quiet_ms >= JUDGE_MS[self._looks]

    def look(self, samples: Float32, quiet_ms: float) -> Coroutine[Any, Any, None]:
        """At the utterance so far (16 kHz), which ends with so much silence; for whoever runs it. Only when it is due."""
        assert self.detector is not None
        assert self._revision is not None
        self._looks = sum(quiet_ms >= due_ms for due_ms in JUDGE_MS)
        self._looking = self._revision
        return self._ask(self.detector, samples, self._revision)

    async def _ask(self, detector: TurnDetector, samples: Float32, revision: int) -> None:
        try:
            probability = await detector.probability(samples)
        except Exception:
            log.exception("turn detection failed")
            return
        finally:
            if self._looking == revision:
                self._looking = None
        if probability >= FINISHED and revision == self._revision:
            self._looks = len(JUDGE_MS)
        self._tell(probability, revision)
