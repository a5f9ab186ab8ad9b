from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from rtvi_local.errors import UserError
from rtvi_local.pipeline.frames import Interrupted, UserTurn
from rtvi_local.rtvi.messages.from_client import Dtmf
from rtvi_local.rtvi.messages.session import Capabilities
from rtvi_local.rtvi.session import MAX_QUEUED, RtviSession
from tests.until import until

NOON = datetime(2026, 8, 21, 12, tzinfo=timezone.utc)


class Conversation:
    """A client, its session, and commands that note what they were asked."""

    def __init__(self, *, ready: bool = True, requests: dict[str, Callable[[Any], Any]] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.asked: list[object] = []
        self.on_text: Callable[[], None] = lambda: None
        self.session = RtviSession(
            lambda text: self.sent.append(json.loads(text)),
            self,
            capabilities=lambda: Capabilities(audio_in=True, video_out=False),
            max_message_bytes=1000,
            now=lambda: NOON,
            requests=requests,
        )
        if ready:
            self.session.ready()

    def say(self, type: str, data: object = None, id: str | None = "i") -> list[dict[str, Any]]:
        """What comes back."""
        before = len(self.sent)
        message = {"label": "rtvi-ai", "type": type, "id": id, "data": data}
        self.session.receive(json.dumps({key: value for key, value in message.items() if value is not None}))
        return self.sent[before:]

    def client_ready(self) -> None:
        self.asked.append("client_ready")

    def send_text(self, text: str, *, run_immediately: bool, speak_reply: bool) -> None:
        self.asked.append((text, run_immediately, speak_reply))
        self.on_text()

    def append_to_context(self, role: str, content: object, *, run_immediately: bool) -> None:
        self.asked.append((role, content, run_immediately))

    def end(self, reason: str) -> None:
        self.asked.append("end")


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def test_bot_ready_answers_client_ready_under_its_id() -> None:
    conversation = Conversation()
    (answer,) = conversation.say("client-ready", {"version": "1.4.0", "about": {"library": "x"}}, id="abc")
    assert (answer["type"], answer["id"]) == ("bot-ready", "abc")
    assert answer["data"]["version"] == "1.4.0"
    assert answer["data"]["about"]["library"] == "rtvi-local"
    assert answer["data"]["capabilities"] == {"audio_in": True, "video_out": False}
    assert conversation.asked == ["client_ready"]
    assert conversation.session.about_client == {"library": "x"}


def test_bot_ready_has_an_id_even_if_the_client_gave_none() -> None:
    (answer,) = Conversation().say("client-ready", {"version": "2.1.0"}, id=None)
    assert len(answer["id"]) == 8


def test_a_strange_version_is_advised_and_served() -> None:
    advice, answer = Conversation().say("client-ready", {"version": "3.0.0", "about": {"name": "x"}})
    assert (advice["type"], advice["id"], answer["type"]) == ("error-response", "i", "bot-ready")
    assert advice["data"]["error"] == advice["data"]["message"]


def test_a_0_x_client_gets_the_config_it_stores() -> None:
    (answer,) = Conversation().say("client-ready", {})
    assert (answer["data"]["version"], answer["data"]["config"]) == ("0.3.0", [])


def test_what_comes_before_the_appliance_is_ready_is_done_then_in_order() -> None:
    conversation = Conversation(ready=False)
    assert conversation.say("client-ready", {"version": "2.1.0"}, id="1") == []
    assert conversation.say("send-text", {"content": "hi"}, id="2") == []
    conversation.session.ready()
    assert conversation.asked == ["client_ready", ("hi", True, True)]
    assert types(conversation.sent) == ["bot-ready", "user-input"]
    conversation.session.ready()
    assert len(conversation.asked) == 2


def test_the_queue_before_readiness_has_an_end() -> None:
    conversation = Conversation(ready=False)
    for number in range(MAX_QUEUED):
        assert conversation.say("send-text", {"content": "hi"}, id=str(number)) == []
    (refusal,) = conversation.say("send-text", {"content": "hi"}, id="last")
    assert (refusal["type"], refusal["id"]) == ("error-response", "last")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (None, ("hi", True, True)),
        ({}, ("hi", True, True)),
        ({"run_immediately": False}, ("hi", False, True)),
        ({"audio_response": False}, ("hi", True, False)),
    ],
)
def test_send_text_defaults_to_an_immediate_spoken_answer(options: object, asked: object) -> None:
    conversation = Conversation()
    (acknowledgment,) = conversation.say("send-text", {"content": "hi", "options": options}, id="t")
    assert conversation.asked == [asked]
    assert acknowledgment["data"] == {
        "text": "hi",
        "input_type": "chat",
        "timestamp": "2026-08-21T12:00:00.000+00:00",
        "final": True,
        "msg_id": "t",
    }


def test_the_acknowledgment_follows_the_interruption_it_caused() -> None:
    conversation = Conversation()
    conversation.session.observe(UserTurn("before", 1, typed=True))
    conversation.on_text = lambda: conversation.session.observe(Interrupted(1, 0.0))
    assert types(conversation.say("send-text", {"content": "stop"})) == ["bot-interrupted", "user-input"]


def test_append_to_context_is_done_and_answered() -> None:
    conversation = Conversation()
    (answer,) = conversation.say("append-to-context", {"role": "user", "content": ["x"]})
    assert conversation.asked == [("user", ["x"], False)]
    assert (answer["type"], answer["id"]) == ("append-to-context-result", "i")


def test_an_old_client_gets_the_only_answer_to_append_to_context_that_it_waits_for() -> None:
    conversation = Conversation()
    about = {"library": "@pipecat-ai/client-js", "library_version": "1.3.0"}
    conversation.say("client-ready", {"version": "1.0.0", "about": about}, id="r")
    (answer,) = conversation.say("append-to-context", {"role": "user", "content": "x"})
    assert (answer["type"], answer["id"], answer["data"]["result"]) == ("server-response", "i", "success")


@pytest.mark.parametrize("data", [None, {}])
def test_disconnect_bot_ends_the_conversation(data: object) -> None:
    conversation = Conversation()
    assert conversation.say("disconnect-bot", data) == []
    assert conversation.asked == ["end"]


def test_a_request_is_answered_by_its_handler() -> None:
    conversation = Conversation(requests={"double": lambda d: d * 2})
    (answer,) = conversation.say("client-message", {"t": "double", "d": 4})
    assert (answer["type"], answer["id"], answer["data"]) == ("server-response", "i", {"t": "double", "d": 8})


def test_a_request_nobody_handles_is_refused() -> None:
    (answer,) = Conversation().say("client-message", {"t": "triple"})
    assert (answer["type"], answer["id"]) == ("error-response", "i")
    assert "triple" in answer["data"]["error"]


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("llm-function-call-result", {"function_name": "f", "tool_call_id": "1"}),
        ("dtmf", {"button": "1"}),
        ("ui-event", {"event": "x"}),
        ("send-file", {"content": "", "file": {"format": "a/b", "source": {"url": "x"}}}),
        ("raw-audio", {"base64Audio": "", "sampleRate": 16000, "numChannels": 1}),
    ],
)
def test_what_is_understood_but_not_done_is_refused_by_name(type: str, data: object) -> None:
    (answer,) = Conversation().say(type, data)
    assert answer["data"]["error"] == f"{type} is not supported by this appliance"


def test_a_handler_can_be_added_for_a_message() -> None:
    conversation = Conversation()
    pressed: list[str] = []
    conversation.session.on(Dtmf, lambda message, id: pressed.extend(message.keys))
    assert conversation.say("dtmf", {"buttons": ["1", "#"]}) == []
    assert pressed == ["1", "#"]


def test_a_handler_that_fails_is_told_and_the_conversation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    conversation = Conversation()

    def fail() -> None:
        raise RuntimeError("the secret words")

    conversation.on_text = fail
    with caplog.at_level(logging.INFO):
        (answer,) = conversation.say("send-text", {"content": "hi"}, id="1")
    assert (answer["type"], answer["id"]) == ("error-response", "1")
    assert answer["data"]["error"] == "Exception processing message: the secret words"
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    conversation.on_text = lambda: None
    assert types(conversation.say("send-text", {"content": "hi"}, id="2")) == ["user-input"]


def test_a_message_sent_twice_is_done_once() -> None:
    conversation = Conversation()
    conversation.say("send-text", {"content": "hi"}, id="1")
    (answer,) = conversation.say("send-text", {"content": "hi"}, id="1")
    assert (answer["type"], answer["id"]) == ("error-response", "1")
    assert conversation.asked == [("hi", True, True)]


def test_ids_count_per_type_and_missing_ones_not_at_all() -> None:
    conversation = Conversation()
    conversation.say("client-ready", {"version": "2.0.0"}, id="1")
    for id in ("1", None, None):
        conversation.say("send-text", {"content": "hi"}, id=id)
    assert len(conversation.asked) == 4


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ('{"label":"rtvi-ai","type":"nope","id":"1"}', "error-response"),
        ('{"label":"rtvi-ai","type":"nope"}', "error"),
        ('{"label":"rtvi-ai","type":"send-text","id":"1","data":{"content":"' + "x" * 1000 + '"}}', "error-response"),
        ("{", "error"),
    ],
)
def test_what_is_invalid_is_answered_under_its_id_or_else_as_an_error(text: str, type: str) -> None:
    conversation = Conversation()
    conversation.session.receive(text)
    (answer,) = conversation.sent
    assert answer["type"] == type
    assert answer["data"]["error"] == answer["data"]["message"]
    assert answer["data"].get("fatal", False) is False


def test_other_labels_are_ignored() -> None:
    conversation = Conversation()
    conversation.session.receive('{"label":"other","type":"send-text"}')
    assert conversation.sent == []


@pytest.mark.parametrize("label", ["rtvi", "realtime-ai"])
def test_a_client_of_the_first_months_is_answered_under_its_own_label(label: str) -> None:
    conversation = Conversation()
    conversation.session.receive(json.dumps({"label": label, "type": "client-ready", "id": "i", "data": {}}))
    (answer,) = conversation.sent
    assert (answer["label"], answer["type"]) == (label, "bot-ready")


def test_work_that_takes_longer_is_answered_when_it_is_done_and_ends_with_the_session() -> None:
    async def story() -> None:
        conversation = Conversation()
        may_go_on = asyncio.Event()

        async def slow(given: Any) -> Any:
            await may_go_on.wait()
            if given is None:
                raise UserError("nothing given")
            return given

        conversation.session.on_request("slow", slow)
        assert conversation.say("client-message", {"t": "slow", "d": 1}, id="1") == []
        assert conversation.say("client-message", {"t": "slow"}, id="2") == []
        may_go_on.set()
        await until(lambda: len(conversation.sent) == 2)
        assert [(m["type"], m["id"]) for m in conversation.sent] == [("server-response", "1"), ("error-response", "2")]
        assert conversation.sent[1]["data"]["error"] == "nothing given"
        may_go_on.clear()
        conversation.say("client-message", {"t": "slow"}, id="3")
        await conversation.session.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
