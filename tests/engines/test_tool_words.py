"""Results of tools, told in words."""

from __future__ import annotations

from rtvi_local.engines.interfaces import Message
from rtvi_local.engines.tool_words import in_words

SYSTEM: Message = {"role": "system", "content": "Be brief."}
ASKED: Message = {"role": "user", "content": "Is it warm in Rome?"}
CALLED: Message = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"location": "Rome"}'}}],
}
FOUND: Message = {"role": "tool", "tool_call_id": "1", "name": "get_weather", "content": "18 degrees"}
ANSWERED: Message = {"role": "assistant", "content": "In Rome it is 18 degrees."}


def test_a_new_result_stands_last_and_nothing_before_it_changes() -> None:
    told = in_words([SYSTEM, ASKED, CALLED, FOUND])
    assert told[:2] == [SYSTEM, ASKED]
    assert told[-1] == {"role": "user", "content": "Tell me what get_weather found out (location: Rome): 18 degrees"}
    assert [message["role"] for message in told[1:]] == ["user", "assistant"] * 3 + ["user"]
    assert not any("tool_calls" in message for message in told)


def test_an_old_result_stands_with_the_question() -> None:
    told = in_words([SYSTEM, ASKED, CALLED, FOUND, ANSWERED, {"role": "user", "content": "Thanks."}])
    assert told[1]["content"] == "Is it warm in Rome?\n(get_weather found out: 18 degrees)"
    assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]


def test_what_was_said_before_a_call_stays() -> None:
    told = in_words([SYSTEM, ASKED, {**CALLED, "content": "Let me see."}, FOUND, ANSWERED])
    assert {"role": "assistant", "content": "Let me see."} in told


def test_a_picture_stays_one() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    told = in_words([SYSTEM, ASKED, CALLED, {**FOUND, "content": [image]}])
    assert told[-1]["role"] == "user"
    assert image in told[-1]["content"]  # type: ignore[operator]


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    assert in_words([SYSTEM, ASKED, ANSWERED]) == [SYSTEM, ASKED, ANSWERED]
