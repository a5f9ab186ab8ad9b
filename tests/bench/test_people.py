"""Tests and measurements take the same recordings."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from rtvi_local.bench import people
from rtvi_local.bench.cli import add_audio_option


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(people, "BESIDE", tmp_path / "shared" / "audio")
    monkeypatch.delenv(people.VARIABLE, raising=False)
    return people.BESIDE


def asked_for(*arguments: str) -> Path | None:
    parser = argparse.ArgumentParser()
    add_audio_option(parser, "say them")
    folder: Path | None = parser.parse_args(arguments).audio
    return folder


def test_without_a_word_the_recordings_next_to_the_checkout_are_taken(beside: Path) -> None:
    assert asked_for() is None, "there are none"
    beside.mkdir(parents=True)
    assert asked_for() == beside


def test_the_variable_names_another_folder_or_none_and_the_option_goes_before_it(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.mkdir(parents=True)
    monkeypatch.setenv(people.VARIABLE, "/elsewhere")
    assert asked_for() == Path("/elsewhere")
    assert asked_for("--audio", "/here") == Path("/here")
    monkeypatch.setenv(people.VARIABLE, "")
    assert asked_for() is None
