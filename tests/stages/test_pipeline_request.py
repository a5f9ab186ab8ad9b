from __future__ import annotations

from dataclasses import replace

import pytest

from rtvi_local.config import Config, Pipeline, Wake
from rtvi_local.pipeline.options import OptionError
from rtvi_local.stages.pipeline_request import default_stages, read_request
from rtvi_local.stages.registry import DEFAULT_PIPELINE, PipelineError

FOUNDING = {
    "pipeline": [
        "wake_words_gate", "phrase_endpointing", "processing_sound_emitter", "llm_context", "llm", "tts", "llm_context",
    ],
    "config": {
        "wake_words_gate": {"trigger_words": ["hey computer", "ok computer"]},
        "processing_sound_emitter": {"sound": "ding"},
        "phrase_endpointing": {"vad_timeout": 250},
    },
}  # fmt: skip
"""As in RTVI's founding document."""


def test_the_founding_documents_sample_is_understood() -> None:
    request = read_request(FOUNDING, Config())
    assert list(request.stages) == FOUNDING["pipeline"]
    assert request.config.wake.words == ("hey computer", "ok computer")
    assert request.config.sounds.processing == "ding"
    assert request.config.turns.wait_complete_ms == request.config.turns.wait_unjudged_ms == 250
    assert request.config.wake.follow_up_s == Config().wake.follow_up_s


def test_who_asks_for_nothing_gets_what_is_set() -> None:
    assert read_request({}, Config()).stages == DEFAULT_PIPELINE
    sounding = ("phrase_endpointing", "processing_sound_emitter", "llm_context", "llm", "tts")
    set_by_file = replace(Config(), pipeline=Pipeline(stages=sounding))
    assert read_request({"other": 1}, set_by_file).stages == sounding
    assert read_request({"pipeline": list(DEFAULT_PIPELINE)}, set_by_file).stages == DEFAULT_PIPELINE


def test_with_wake_words_set_the_usual_pipeline_stands_behind_a_gate() -> None:
    kiosk = replace(Config(), wake=Wake(words=("okay nabu",)))
    assert default_stages(kiosk) == ("wake_words_gate", *DEFAULT_PIPELINE)
    asked = read_request({"config": {"wake_words_gate": {"trigger_words": ["alexa"]}}}, Config())
    assert asked.stages[0] == "wake_words_gate"


def stages(*names: str) -> dict[str, object]:
    return {"pipeline": list(names)}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"pipeline": "llm"}, "must be a list"),
        ({"pipeline": ["phrase_endpointing", 3]}, "must be a list"),
        ({"pipeline": ["llm"] * 33}, "at most 32"),
        (stages("phrase_endpointing", "llm_context", "llm", "speech"), "no stage 'speech'"),
        (stages("phrase_endpointing", "llm_context", "llm"), "'tts' is missing"),
        (
            stages("phrase_endpointing", "wake_words_gate", "llm_context", "llm", "tts"),
            "'phrase_endpointing' cannot stand before",
        ),
        (stages("processing_sound_emitter", *DEFAULT_PIPELINE), "'processing_sound_emitter' cannot stand before"),
        (stages("phrase_endpointing", "llm_context", "llm", "tts", "processing_sound_emitter"), "'tts' cannot stand before"),
        (stages("wake_words_gate", "wake_words_gate", *DEFAULT_PIPELINE), "stands too often"),
        (stages("wake_words_gate", *DEFAULT_PIPELINE), "no trigger words"),
        ({"config": ["llm"]}, "Each service of a configuration is"),
        ({"config": {"wake_words_gate": ["hey"]}}, "A configuration is"),
        ({"config": {"wake_words_gate": {"words": ["hey"]}}}, "no option 'words' of wake_words_gate. Its options are: trigger"),
        (
            {"config": {"wake_words_gate": {"trigger_words": "hey"}}},
            "wake_words_gate.trigger_words is 'hey'; allowed is a list",
        ),
        ({"config": {"wake_words_gate": {"trigger_words": [str(i) for i in range(17)]}}}, "at most 16"),
        ({"config": {"wake_words_gate": {"follow_up_s": 0}}}, "follow_up_s is 0"),
        ({"config": {"processing_sound_emitter": {"sound": "gong"}}}, "sound is 'gong'; allowed is ding, tick or none"),
        ({"config": {"dishwasher": {"on": True}}}, "no service 'dishwasher'"),
    ],
)
def test_what_cannot_be_is_refused_in_the_clients_own_words(data: dict[str, object], complaint: str) -> None:
    with pytest.raises((PipelineError, OptionError), match=complaint):
        read_request(data, Config())
