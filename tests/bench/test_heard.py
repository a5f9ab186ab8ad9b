from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtvi_local.bench import heard
from rtvi_local.bench.heard_trials import Trial, report

EXACT = Trial("typed", 1.0, 1.01, 0.99, remembered=4, by_voice=4, by_whisper=4, last_words="a small dragon")


@pytest.mark.parametrize(
    ("trial", "status"),
    [
        (EXACT, 0),
        (replace(EXACT, by_whisper=5), 0),
        (replace(EXACT, by_whisper=6), 1),
        (replace(EXACT, by_whisper=2), 1),
        (replace(EXACT, likeness=0.4), 1),
    ],
    ids=["exact", "a word less", "two words less", "two words more", "a recording of something else"],
)
def test_it_fails_where_what_is_remembered_is_not_what_a_recording_shows(
    trial: Trial, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(heard, "measure_virtually", lambda count, models: [EXACT, trial])
    monkeypatch.setenv("RTVI_LOCAL_MODELS_DIRECTORY", str(tmp_path))
    assert heard.main(["--virtual"]) == status
    table = capsys.readouterr().out
    assert ("NO" in table) == bool(status)
    assert table == report([EXACT, trial]) + "\n"
