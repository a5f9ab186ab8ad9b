"""The appliance before it is ready."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtvi_local.accelerators import Accelerator
from rtvi_local.appliance import Appliance
from rtvi_local.config import Config, Models
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.whisper import Whisper
from rtvi_local.hardware import Hardware, plan
from rtvi_local.model_store import Preset, open_store


def test_with_every_model_loaded_and_the_system_prompt_unread_it_is_not_ready() -> None:
    models: Preset = open_store().preset("laptop")
    appliance = Appliance(Config(), models, open_store(), plan(Hardware(2, None, None, "x86_64", frozenset(), {}), "cpu"))
    assert len(appliance.ready()) == 5
    for name in (models.stt, models.llm, models.tts, models.vad, models.turn):
        appliance._loading.pop(name)
    assert appliance.ready(), "a client that comes now would be told that something went wrong"


CARD = Accelerator("cuda", "1 CUDA device")
WITH_A_CARD = Hardware(4, None, None, "x86_64", frozenset(), {"ctranslate2": CARD, "llama.cpp": CARD})


def with_a_card_that_fails(monkeypatch: pytest.MonkeyPatch, device: str) -> tuple[Appliance, list[tuple[str, int]]]:
    """An appliance for `--device`, and the devices and threads that Whisper was loaded with, which fails on every card."""
    tried: list[tuple[str, int]] = []

    def load(directory: Path, *, device: str, threads: int) -> Any:
        tried.append((device, threads))
        if device == "cuda":
            raise EngineError(f"{directory.name}: this GPU or its libraries cannot run it")
        return SimpleNamespace()

    monkeypatch.setattr(Whisper, "load", load)
    monkeypatch.setattr("rtvi_local.appliance.find_hardware", lambda: WITH_A_CARD)
    store = open_store()
    monkeypatch.setattr(store, "path", lambda name: Path(name))
    config = replace(Config(), models=Models(device=device))
    return Appliance(config, store.preset("laptop"), store, plan(WITH_A_CARD, device)), tried


def test_what_fails_on_a_card_that_was_found_runs_on_the_cpu_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    appliance, tried = with_a_card_that_fails(monkeypatch, "auto")
    with caplog.at_level(logging.WARNING):
        appliance._load_shared("stt", "whisper-base")
    assert tried == [("cuda", 1), ("cpu", 3)]
    assert [record.getMessage() for record in caplog.records] == [
        "whisper-base runs on the CPU instead. whisper-base: this GPU or its libraries cannot run it"
    ]
    assert "whisper-base on CPU int8, 3 threads" in appliance.summary
    assert "qwen2.5-coder-0.5b on GPU (CUDA)" in appliance.summary


def test_what_fails_on_a_card_that_was_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    appliance, tried = with_a_card_that_fails(monkeypatch, "cuda")
    with pytest.raises(EngineError, match="this GPU"):
        appliance._load_shared("stt", "whisper-base")
    assert tried == [("cuda", 1)]
