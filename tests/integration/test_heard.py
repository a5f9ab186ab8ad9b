"""What is remembered of an interrupted answer, against what was heard of it: the real voice and ears, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtvi_local.bench.heard import WAYS, measure_virtually
from rtvi_local.bench.heard_trials import figures, report
from tests.integration import still_voice

pytestmark = pytest.mark.models


def test_what_is_remembered_is_within_one_word_of_a_recording_however_an_answer_is_interrupted(still_models: Path) -> None:
    found = measure_virtually(len(WAYS), still_models, still_voice.NAME)
    assert [trial.way for trial in found] == list(WAYS)
    assert all(0 < trial.by_whisper < 85 for trial in found), "the answers were cut off"
    assert [figure.name for figure in figures(found) if figure.holds is False] == [], report(found)
