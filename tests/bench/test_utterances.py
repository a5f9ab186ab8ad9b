"""Shards: together they are everything, and no two of them say the same. With a voice of noise instead of Piper."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench import utterances
from rtvi_local.bench.utterances import SURROUNDINGS, synthesized
from rtvi_local.bench.wer import merged
from rtvi_local.bench.wer_table import Result
from rtvi_local.engines.interfaces import Float32
from tests.bench.wer_results import wer_result


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "voice.onnx").touch()
    monkeypatch.setattr(utterances, "CACHE", tmp_path / "kept")

    def noise(self: object, text: str, speed: float, pitch: float) -> Float32:
        return np.asarray(np.random.default_rng(len(text)).normal(size=8000) * 0.1, np.float32)

    monkeypatch.setattr(utterances.Speaker, "_synthesize", noise)
    return tmp_path


def test_more_than_300_utterances_are_said_in_all_the_surroundings(voice: Path) -> None:
    said = list(synthesized(voice))
    assert len(said) > 300
    assert {utterance.kind for utterance in said} == set(SURROUNDINGS)
    assert {utterance.name.split(", ")[1] for utterance in said} == {"low", "as it is", "high"}


def test_shards_together_are_everything_once(voice: Path) -> None:
    whole = {(utterance.name, utterance.kind): utterance.samples for utterance in synthesized(voice, limit=5)}
    shards = [utterance for k in (1, 2, 3) for utterance in synthesized(voice, limit=5, shard=(k, 3))]
    assert len(shards) == len(whole) == (5 + 5) * 4
    for utterance in shards:
        assert np.array_equal(utterance.samples, whole[utterance.name, utterance.kind])


def result(name: str, errors: int) -> Result:
    return wer_result(name=name, grown_errors=errors)


def test_results_of_another_shard_are_added_and_those_said_again_replaced(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert len(merged(file, [result("one", 0), result("two", 0)])) == 2
    both = merged(file, [result("two", 1), result("three", 0)])
    assert {one.name: one.grown.errors for one in both} == {"one": 0, "two": 1, "three": 0}
    assert [asdict(one) for one in merged(file, [])] == [asdict(one) for one in both]
