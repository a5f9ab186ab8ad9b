from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtvi_local.rtvi.messages import CLIENT_MESSAGES
from rtvi_local.rtvi.parsing import MAX_DEPTH, Incoming, InvalidMessage, parse

LIMIT = 4096


def refusal(text: str, limit: int = LIMIT) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        parse(text, limit)
    return caught.value


def message(type: object, data: object = None, **more: object) -> str:
    return json.dumps({"label": "rtvi-ai", "type": type, "id": "i", "data": data, **more})


@pytest.mark.parametrize(
    "text",
    [
        '{"label":"rtvi-ai ","type":"x","id":"1"}',
        '{"label":["rtvi-ai"],"type":"x","id":"1"}',
        '{"type":"signalling","message":{}}',
        "[]",
        "3",
        "null",
        '"rtvi-ai"',
        '{"label":7}',
    ],
)
def test_what_is_not_rtvi_is_ignored(text: str) -> None:
    assert parse(text, LIMIT) is None


@pytest.mark.parametrize("label", ["rtvi", "realtime-ai"])
def test_the_labels_of_the_first_clients_are_understood_and_remembered(label: str) -> None:
    incoming = parse(message("get-config", label=label), LIMIT)
    assert incoming is not None
    assert incoming.label == label


@pytest.mark.parametrize("text", ["", "ping: 123", "{", '{"label":"rtvi-ai"', "\ud800", '{"label":"\\ud800"}', '{"id":1e999}'])
def test_what_is_not_json_is_an_error_without_id(text: str) -> None:
    error = refusal(text)
    assert error.id is None
    assert error.text.startswith("Invalid RTVI transport message: ")


@pytest.mark.parametrize("id", [1, [], {}, True, "x" * 257])
def test_an_id_that_cannot_be_echoed_is_refused(id: object) -> None:
    assert refusal(message("send-text", {"content": "a"}, id=id)).id is None


@pytest.mark.parametrize("type", [None, 1, {}])
def test_a_type_that_is_no_string_is_refused_under_the_id(type: object) -> None:
    assert refusal(message(type)).id == "i"


def test_an_unknown_type_is_named() -> None:
    error = refusal(message("nonsense"))
    assert (error.text, error.id) == ("Unsupported type nonsense", "i")


@pytest.mark.parametrize(
    ("type", "data", "said"),
    [
        ("send-text", {}, "content"),
        ("send-text", {"content": None}, "content"),
        ("send-text", {"content": 1}, "Expected `str`, got `int` - at `$.content`"),
        ("send-text", {"content": "a", "options": {"run_immediately": 1}}, "$.options.run_immediately"),
        ("send-text", [], "Expected `object`, got `array`"),
        ("dtmf", {}, "at least one key"),
        ("dtmf", {"buttons": []}, "at least one key"),
        ("dtmf", {"buttons": ["A"]}, "buttons"),
        ("send-file", {"content": "", "file": {"format": "a/b", "source": {"type": "id", "id": "x"}}}, "source"),
        ("send-file", {"content": "", "file": {"format": "a/b", "source": {"bytes": "", "url": ""}}}, "either"),
        ("client-message", {"d": 1}, "`t`"),
    ],
)
def test_a_wrong_payload_is_refused_with_its_place(type: str, data: object, said: str) -> None:
    error = refusal(message(type, data))
    assert error.id == "i"
    assert error.text.startswith("Invalid message: ")
    assert said in error.text


def test_a_large_message_is_refused_under_its_id() -> None:
    error = refusal(message("send-text", {"content": "x" * LIMIT}))
    assert error.id == "i"
    assert f"at most {LIMIT} bytes" in error.text


def test_a_huge_message_is_refused_unread() -> None:
    assert refusal(message("send-text", {"content": "x" * LIMIT * 16})).id is None


def test_the_size_is_that_of_the_bytes() -> None:
    text = json.dumps({"label": "rtvi-ai", "type": "send-text", "data": {"content": "é" * 100}}, ensure_ascii=False)
    assert refusal(text, len(text)).text.startswith("Message of")
    assert parse(text, len(text.encode())) is not None


def nested(depth: int) -> str:
    return '{"label":"rtvi-ai","type":"client-message","id":"i","data":{"t":"x","d":' + "[" * depth + "]" * depth + "}}"


def test_nesting_is_taken_up_to_a_limit() -> None:
    assert isinstance(parse(nested(MAX_DEPTH - 1), 10**6), Incoming)
    assert refusal(nested(MAX_DEPTH), 10**6).id == "i"


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_nesting_that_would_break_the_stack_is_refused(depth: int) -> None:
    assert "nested too deeply" in refusal(nested(depth), 10**6).text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
types = st.sampled_from([kind.type for kind in CLIENT_MESSAGES])
field_names = st.sampled_from(
    [
        "content",
        "options",
        "run_immediately",
        "t",
        "d",
        "role",
        "buttons",
        "button",
        "file",
        "source",
        "tree",
        "root",
        "version",
    ]
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "label": st.just("rtvi-ai") | json_values,
        "type": types | json_values,
        "id": st.text(max_size=8) | json_values,
        "data": st.dictionaries(field_names, json_values) | json_values,
    },
)


@given(envelopes)
def test_no_json_raises_anything_but_invalid_message(envelope: object) -> None:
    try:
        incoming = parse(json.dumps(envelope), LIMIT)
    except InvalidMessage:
        return
    assert incoming is None or type(incoming.message) in CLIENT_MESSAGES


@given(types, st.dictionaries(field_names, json_values) | json_values)
def test_no_payload_raises_anything_but_invalid_message(type: str, data: object) -> None:
    try:
        assert parse(message(type, data), 10**6) is not None
    except InvalidMessage as error:
        assert error.id == "i"


@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="surrogateescape")))
@example('{"label":"rtvi-ai","type":"client-message","data":{"t":"\\ud800"}}')
@example('{"label":"rtvi-ai","type":"client-message","data":' + "1" * 5000 + "}")
@example('{"label":"rtvi-ai","type":"client-message","data":{"t":"x","d":Infinity}}')
def test_no_text_raises_anything_but_invalid_message(text: str) -> None:
    try:
        parse(text, LIMIT)
    except InvalidMessage as error:
        assert error.text  # and not only an empty refusal
