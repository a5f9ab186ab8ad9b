from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from rtvi_local.rtvi.messages import CLIENT_MESSAGES, SERVER_MESSAGES, Message, bot, encode, metrics
from rtvi_local.rtvi.parsing import Incoming, parse
from tests.rtvi.examples import FROM_CLIENT, TO_CLIENT, wire


@pytest.mark.parametrize(("line", "expected"), list(zip(wire("from_client"), FROM_CLIENT, strict=True)))
def test_what_clients_send_is_understood(line: str, expected: tuple[str | None, Message]) -> None:
    assert parse(line, 65_536) == Incoming(*expected)


@pytest.mark.parametrize(("line", "expected"), list(zip(wire("to_client"), TO_CLIENT, strict=True)))
def test_what_is_sent_is_these_bytes(line: str, expected: tuple[str | None, Message]) -> None:
    id, message = expected
    assert encode(message, id) == line


@pytest.mark.parametrize(("line", "expected"), list(zip(wire("to_client"), TO_CLIENT, strict=True)))
def test_what_is_sent_reads_back_as_the_same_message(line: str, expected: tuple[str | None, Message]) -> None:
    message = expected[1]
    envelope = json.loads(line)
    data: Any = envelope.get("data", {})
    if message.type == "server-message":
        data = {"data": data}
    assert msgspec.convert(data, type(message)) == message


def test_every_message_has_a_fixture() -> None:
    assert {type(message) for _, message in FROM_CLIENT} == set(CLIENT_MESSAGES)
    assert {type(message) for _, message in TO_CLIENT} == set(SERVER_MESSAGES)


def test_every_message_of_a_module_is_registered() -> None:
    defined = {kind for kind in Message.__subclasses__() if kind.__module__.startswith("rtvi_local.")}
    assert defined == {*CLIENT_MESSAGES, *SERVER_MESSAGES}


def test_numbers_that_are_none_are_written_as_null_never_as_nan() -> None:
    text = encode(metrics.Metrics(ttfb=[metrics.Metric("llm", float("nan"))]))
    assert "NaN" not in text


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        bot.BotTtsText("a").text = "b"  # type: ignore[misc]
