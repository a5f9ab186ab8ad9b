"""The context and the voice in the client's hands, in whole conversations in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Stt
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.pipeline.context import Message
from tests.pipeline.test_conversation import CONFIG, Call

COUNT = "One two three four five six seven eight nine ten."
ANNA = {"role": "user", "content": "My name is Anna."}


def prompts(call: Call) -> list[list[dict[str, object]]]:
    assert isinstance(call.model, ScriptedModel)
    return call.model.prompts


def test_the_context_is_read_whole_or_in_part() -> None:
    async def story() -> None:
        call = Call(replies=["Hello."])
        call.send("send-text", {"content": "Hi."})
        await call.be_quiet(2000)
        whole = await call.request("context:get")
        assert whole["total"] == 3
        assert [message["role"] for message in whole["messages"]] == ["system", "user", "assistant"]
        part = await call.request("context:get", {"first": 1, "count": 1})
        assert part == {"messages": [{"role": "user", "content": "Hi."}], "total": 3}
        assert "0 or more" in await call.request("context:get", {"first": -1})
        await call.hang_up()

    virtual_clock.run(story())


def test_the_context_is_set_appended_to_run_and_cleared() -> None:
    async def story() -> None:
        call = Call(replies=["Anna.", "Ahoy."])
        assert await call.request("context:set", {"messages": [ANNA]}) is True
        assert await call.request("context:append", {"role": "user", "content": "Who am I?"}) is True
        assert "bot-llm-started" not in call.types
        assert await call.request("context:run") is True
        await call.be_quiet(2000)
        assert prompts(call)[0][1:] == [{"role": "user", "content": "My name is Anna. Who am I?"}]
        assert call.said[-1] == {"role": "assistant", "content": "Anna."}
        pirate = {"role": "system", "content": "Talk like a pirate now."}
        await call.request("context:append", {"messages": [pirate], "run_immediately": True})
        await call.be_quiet(2000)
        assert prompts(call)[1][-1] == pirate
        assert call.said[-1]["content"] == "Ahoy."
        assert await call.request("context:clear") is True
        assert call.conversation.context.messages == [{"role": "system", "content": "Be brief."}]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_context_with_a_system_prompt_of_its_own_replaces_that_too() -> None:
    async def story() -> None:
        call = Call()
        messages = [{"role": "system", "content": "You are a pirate."}, ANNA]
        await call.request("context:set", {"messages": messages})
        assert call.conversation.context.messages == messages
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("role", ["system", "assistant", "user"])
def test_append_to_context_with_run_immediately_is_answered_whatever_its_role(role: str) -> None:
    async def story() -> None:
        call = Call(replies=[COUNT, "Done."])
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(2000)
        answer = await call.ask("append-to-context", {"role": role, "content": "Enough.", "run_immediately": True})
        assert answer == {"result": "success"}
        await call.be_quiet(2000)
        heard = call.said[1]["content"]
        assert COUNT.startswith(str(heard).split(" Enough")[0])
        assert prompts(call)[1][2] == call.said[1], "what of the interrupted reply was heard comes before it"
        assert prompts(call)[1][-1] == {"role": role, "content": "Enough."}
        assert call.said[-1]["content"] == "Done."
        assert "bot-interrupted" in call.types
        await call.hang_up()

    virtual_clock.run(story())


def test_0_x_does_the_same_by_actions() -> None:
    async def story() -> None:
        call = Call(replies=["Anna."], hello={})
        described = await call.ask("describe-actions")
        names = [f"{action['service']}:{action['action']}" for action in described["actions"]]
        wanted = {"llm:get_context", "llm:set_context", "llm:append_to_messages", "llm:run", "tts:say", "tts:interrupt"}
        assert wanted <= set(names)
        append = {"service": "llm", "action": "append_to_messages"}
        arguments = [{"name": "messages", "value": [ANNA]}, {"name": "run_immediately", "value": True}]
        assert await call.ask("action", {**append, "arguments": arguments}) == {"result": True}
        await call.be_quiet(2000)
        context = await call.ask("action", {"service": "llm", "action": "get_context"})
        assert context["result"]["messages"][1:] == [ANNA, {"role": "assistant", "content": "Anna."}]
        refused = await call.ask("action", {"service": "llm", "action": "foo"})
        assert refused["error"].startswith("Action llm:foo not registered")
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("t", "d", "said"),
    [
        ("context:set", {"messages": "x"}, "context:set: `messages` must be of type array."),
        ("context:set", {"message": []}, "context:set has no argument 'message'; it takes messages, run_immediately."),
        ("context:append", {}, "A message is an object with a role"),
        ("context:get", {"first": True}, "context:get: `first` must be of type number."),
        ("context:run", [], "context:run takes an object with interrupt."),
        ("tts:say", {"text": " "}, "tts:say needs a `text`."),
        ("tts:interrupt", {"now": 1}, "tts:interrupt has no argument 'now'; it takes none."),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_conversation_goes_on(t: str, d: object, said: str) -> None:
    async def story() -> None:
        call = Call(replies=["Yes."])
        assert (await call.request(t, d)).startswith(said)
        call.send("send-text", {"content": "Still there?"})
        await call.be_quiet(2000)
        assert call.said[-1]["content"] == "Yes."
        await call.hang_up()

    virtual_clock.run(story())


def test_words_are_spoken_without_the_model_and_remembered() -> None:
    async def story() -> None:
        call = Call()
        await call.request("tts:say", {"text": "Dinner is ready."})
        await call.be_quiet(3000)
        assert call.audible_between(0, call.now_ms)
        assert call.said == [{"role": "assistant", "content": "Dinner is ready."}]
        assert prompts(call) == []
        await call.hang_up()

    virtual_clock.run(story())


def test_words_to_say_wait_for_the_reply_under_way_unless_they_interrupt_it() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT, COUNT])
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1000)
        for text in ("First.", "Second."):
            await call.request("tts:say", {"text": text})
        await call.be_quiet(9000)
        assert [message["content"] for message in call.said] == ["Count.", COUNT, "First.", "Second."]
        assert "bot-interrupted" not in call.types
        call.send("send-text", {"content": "Again."})
        await call.be_quiet(1500)
        await call.request("tts:say", {"text": "Stop.", "interrupt": True})
        await call.be_quiet(2000)
        assert "bot-interrupted" in call.types
        assert call.said[-1]["content"] == "Stop."
        assert len(str(call.said[-2]["content"])) < len(COUNT)
        await call.hang_up()

    virtual_clock.run(story())


def test_an_interruption_silences_the_bot_and_all_that_waits() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT])
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1500)
        await call.request("tts:say", {"text": "Later."})
        await call.request("tts:interrupt")
        await call.be_quiet(200)
        silent_ms = call.now_ms
        await call.be_quiet(5000)
        assert not call.audible_between(silent_ms, call.now_ms)
        await call.hang_up()

    virtual_clock.run(story())


def test_clearing_the_context_in_mid_reply_leaves_nothing_of_it() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT])
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1500)
        await call.request("context:clear")
        await call.be_quiet(3000)
        assert call.said == []
        await call.hang_up()

    virtual_clock.run(story())


def text_turn(call: Call) -> list[str]:
    return [type for type in call.types if type not in ("metrics", "bot-llm-text", "bot-ready")]


def test_a_text_that_wants_a_text_is_answered_without_a_sound_and_shown_at_once() -> None:
    async def story() -> None:
        call = Call(replies=["Well, it is Paris, of course. Anything else?"])
        id = call.send("send-text", {"content": "Capital of France?", "options": {"audio_response": False}})
        await call.be_quiet(3000)
        assert not call.audible_between(0, call.now_ms)
        assert text_turn(call) == [
            "user-llm-text", "user-input", "bot-llm-started", "bot-transcription", "bot-output", "bot-transcription",
            "bot-output", "bot-llm-stopped",
        ]  # fmt: skip
        (acknowledged,) = call.news("user-input")
        assert (acknowledged["input_type"], acknowledged["msg_id"], acknowledged["final"]) == ("chat", id, True)
        outputs = call.news("bot-output")
        assert [output["text"] for output in outputs] == ["Well, it is Paris, of course.", "Anything else?"]
        for output in outputs:
            assert (output["will_be_spoken"], output["spoken_status"]) == (False, "new")
            assert "spoken_progress" not in output
        assert len({output["segment_id"] for output in outputs}) == 2
        assert call.said[-1]["content"] == "Well, it is Paris, of course. Anything else?"
        call.send("send-text", {"content": "No."})
        await call.be_quiet(3000)
        assert call.audible_between(0, call.now_ms), "the next one is spoken again"
        await call.hang_up()

    virtual_clock.run(story())


def test_the_acknowledgment_of_a_text_comes_after_the_interruption_that_it_caused() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT, "Yes."])
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1500)
        before = len(call.messages)
        call.send("send-text", {"content": "Stop."})
        types = call.types[before:]
        assert types.index("bot-interrupted") < types.index("user-input")
        before = len(call.messages)
        call.send("send-text", {"content": "By the way.", "options": {"run_immediately": False}})
        assert call.types[before:] == ["user-input"]
        await call.hang_up()

    virtual_clock.run(story())


def test_interim_transcripts_hold_the_turn_so_far() -> None:
    async def story() -> None:
        call = Call("I would", "I would like", "I would like tea.", config=replace(CONFIG, stt=Stt(interim_ms=300)))
        await call.speak(900)
        await call.be_quiet(1500)
        heard: list[Any] = call.news("user-transcription")
        assert [(each["text"], each["final"]) for each in heard] == [
            ("I would", False), ("I would like", False), ("I would like tea.", False), ("I would like tea.", True),
        ]  # fmt: skip
        twins = [each for each in call.news("user-input") if each["input_type"] == "transcription"]
        assert [each["text"] for each in twins] == [each["text"] for each in heard]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_context_too_large_for_one_message_is_read_in_parts() -> None:
    async def story() -> None:
        call = Call()
        long: list[Message] = [{"role": "user", "content": "x" * 20_000}, {"role": "assistant", "content": "y" * 20_000}] * 2
        call.conversation.context.set(long)
        assert "ask for less" in await call.request("context:get")
        parts = [await call.request("context:get", {"first": first, "count": 2}) for first in (0, 2, 4)]
        assert [message for part in parts for message in part["messages"]] == call.conversation.context.messages
        await call.hang_up()

    virtual_clock.run(story())
