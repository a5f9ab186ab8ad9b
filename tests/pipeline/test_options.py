from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.config import Config
from rtvi_local.pipeline.options import (
    OPTIONS,
    OptionError,
    changed,
    chat_messages,
    from_short_form,
    services,
    wanted,
)
from rtvi_local.pipeline.request_data import read_options


def config_with(config: object) -> Config:
    return changed(Config(), wanted(from_short_form(config)))


def test_every_option_says_what_it_is_and_its_default_is_what_it_reads() -> None:
    for option in OPTIONS.values():
        assert option.help
        assert option.type in ("bool", "number", "string", "array", "object")
        if option.listed:
            assert option.read(Config()) == option.default


def test_the_language_model_comes_last_because_it_may_speak() -> None:
    assert services()[-1] == "llm"
    assert {"vad", "stt", "tts", "phrase_endpointing"} < set(services())


def test_the_short_form_of_the_founding_document_is_understood() -> None:
    config = config_with({"phrase_endpointing": {"vad_timeout": 250}, "llm": {"model": "small"}, "tts": {"voice": "joe"}})
    assert (config.turns.wait_complete_ms, config.turns.wait_unjudged_ms) == (250, 250)
    assert (config.models.llm, config.models.tts) == ("small", "joe")


def test_the_list_of_0_x_means_the_same() -> None:
    as_list = [
        {"service": "vad", "options": [{"name": "params", "value": {"start_secs": 0.2, "stop_secs": 0.8, "min_volume": 0.6}}]},
        {"service": "llm", "options": [{"name": "temperature", "value": 1}]},
    ]
    config = config_with(as_list)
    assert (config.vad.start_ms, config.vad.stop_ms, config.llm.temperature) == (200, 800, 1.0)
    assert config == config_with({"vad": {"start_ms": 200, "stop_ms": 800}, "llm": {"temperature": 1.0}})


def test_later_changes_come_before_earlier_ones() -> None:
    want = wanted([("tts", "speed", 1.5), ("tts", "speed", 0.8)])
    assert changed(Config(), want).tts.speed == 0.8


def test_a_longer_silence_for_finished_turns_is_no_shorter_one_for_unfinished_ones() -> None:
    impatient = config_with({"phrase_endpointing": {"wait_incomplete_ms": 300}})
    turns = changed(impatient, wanted([("phrase_endpointing", "vad_timeout", 700)])).turns
    assert (turns.wait_complete_ms, turns.wait_incomplete_ms) == (700, 700)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"voice": {"speed": 1}}, "There is no service 'voice'. The services are: vad, stt, tts, "),
        ({"voice": {}}, "There is no service 'voice'."),
        ({"tts": {"pitch": 1}}, "There is no option 'pitch' of tts. Its options are: voice, speed, speaker, language, model."),
        ({"tts": {"speed": 9}}, "tts.speed is 9.0; allowed is a number from 0.5 to 2."),
        ({"tts": {"speed": "fast"}}, "tts.speed is 'fast'; allowed is a number from 0.5 to 2."),
        ({"phrase_endpointing": {"interruptions": "rude"}}, "phrase_endpointing.interruptions is 'rude'; allowed is never"),
        ({"phrase_endpointing": {"vad_timeout": -1}}, "phrase_endpointing.vad_timeout is -1; allowed is a whole number from 0"),
        ({"vad": {"params": {"volume": 1}}}, "vad.params has no 'volume'"),
        ({"vad": {"params": 7}}, "vad.params takes an object"),
        ({"vad": {"preroll_ms": 100}}, "vad.preroll_ms can be chosen only when a conversation begins"),
        ({"wake_words_gate": {"trigger_words": ["hey you"]}}, "wake_words_gate.trigger_words can be chosen only when"),
        ({"processing_sound_emitter": {"sound": "gong"}}, "processing_sound_emitter.sound is 'gong'; allowed is ding"),
        ({"llm": {"context_tokens": 100}}, "There is no option 'context_tokens' of llm"),
        ({"llm": {"max_tokens": 99999}}, "llm.max_tokens is 99999; it may be at most llm.context_tokens, which is 4096."),
        ({"llm": {"messages": "hello"}}, "Messages are a list"),
        ({"llm": {"run_on_config": 1}}, "llm.run_on_config takes true or false."),
        ({"llm": 7}, "A configuration is {service: {option: value}}"),
        (7, "A configuration is {service: {option: value}}"),
        ([{"service": "llm"}], "Each service of a configuration is"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_can(config: object, said: str) -> None:
    with pytest.raises(OptionError) as refused:
        config_with(config)
    assert str(refused.value).startswith(said)


def test_a_conversation_may_begin_with_what_cannot_be_changed_later() -> None:
    assert read_options({"config": {"vad": {"preroll_ms": 100}}}).settings == {"vad.preroll_ms": 100}


def test_request_data_is_read_in_all_its_spellings_and_what_is_not_ours_is_left_alone() -> None:
    message = {"role": "user", "content": "hi"}
    want = read_options({"systemPrompt": "Be kind.", "initial_messages": [message], "tts": {"speed": 2}, "pipeline": ["x"]})
    assert want.settings == {"llm.system_prompt": "Be kind.", "tts.speed": 2.0}
    assert want.messages == (message,)
    assert read_options({"body": 1, "tools": []}) == read_options({})


@pytest.mark.parametrize("messages", [None, [7], [{"role": 7, "content": ""}], [{"content": "x"}], [{"role": "user"}]])
def test_messages_that_are_none_are_refused(messages: object) -> None:
    with pytest.raises(OptionError):
        chat_messages(messages)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(list(OPTIONS)), JSON)
def test_whatever_a_client_sends_an_option_is_set_or_refused(key: tuple[str, str], value: Any) -> None:
    try:
        changed(Config(), wanted([(*key, value)], at_start=True))
    except OptionError as refused:
        assert str(refused).endswith(".") or "did you mean" in str(refused)
