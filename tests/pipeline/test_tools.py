"""Tools in whole conversations, on engines without models, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Server
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.pipeline.context import Message
from rtvi_local.pipeline.options import Wanted
from rtvi_local.tools.definitions import read_tools
from rtvi_local.tools.tool import WrittenCall
from tests.pipeline.test_conversation import CONFIG, HELLO, Call

WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
PARIS, ROME = WrittenCall("get_weather", {"location": "Paris"}), WrittenCall("get_weather", {"location": "Rome"})
OLD_JS = {"version": "1.0.0", "about": {"library": "@pipecat-ai/client-js", "library_version": "1.4.0"}}
IOS = {"version": "2.0.0", "about": {"library": "pipecat-client-ios", "library_version": "1.3.0"}}


def asking(
    *replies: str | Sequence[WrittenCall], hello: object = HELLO, said: str = "What's the weather in Paris?", **more: Any
) -> Call:
    """A client with the weather tool; the model answers with these."""
    wanted = Wanted(tools=read_tools([WEATHER]))
    model = ScriptedModel(replies, first_token_ms=50, token_ms=20)
    return Call(said, "Stop, what about Rome?", model=model, hello=hello, wanted=wanted, **more)


def answer(call: Call, id: str, result: object) -> None:
    call.send("llm-function-call-result", {"function_name": "get_weather", "tool_call_id": id, "result": result})


def running(call: Call) -> list[Any]:
    return call.news("llm-function-call-in-progress")


def outputs(call: Call) -> str:
    return "".join(data["text"] for data in call.news("bot-llm-text"))


def test_a_tool_of_the_client_is_called_and_its_result_is_spoken_and_remembered() -> None:
    async def story() -> None:
        call = asking([PARIS], "It is 18 degrees and sunny.")
        await call.be_quiet(300)
        await call.speak(1000)
        await call.be_quiet(1000)
        (began,) = running(call)
        assert began["function_name"] == "get_weather"
        assert began["arguments"] == {"location": "Paris"}
        assert call.news("llm-function-call-started") == [{"function_name": "get_weather"}]
        answer(call, began["tool_call_id"], {"degrees": 18, "sky": "sunny"})
        await call.be_quiet(4000)
        assert outputs(call) == "It is 18 degrees and sunny."
        (stopped,) = call.news("llm-function-call-stopped")
        assert stopped["cancelled"] is False
        assert stopped["result"] == '{"degrees": 18, "sky": "sunny"}'
        assert call.types.count("bot-llm-started") == call.types.count("bot-llm-stopped") == 2
        assert call.types.count("bot-started-speaking") == call.types.count("bot-stopped-speaking") == 1
        user, called, result, said = call.said
        assert user["role"] == "user"
        calls: Any = called["tool_calls"]
        (made,) = calls
        assert made["function"] == {"name": "get_weather", "arguments": '{"location": "Paris"}'}
        assert (result["role"], result["tool_call_id"]) == ("tool", made["id"])
        assert said == {"role": "assistant", "content": "It is 18 degrees and sunny."}
        assert isinstance(call.model, ScriptedModel)
        assert [message["role"] for message in call.model.prompts[1]] == ["system", "user", "assistant", "tool"]
        assert [tool.name for tool in call.model.offered[0]] == ["get_weather"]
        await call.hang_up()

    virtual_clock.run(story())


def test_nothing_is_called_before_the_turn_is_over() -> None:
    async def story() -> None:
        call = asking([PARIS], "Fine.", said="The weather in Paris", probabilities=[0.02] * 8)
        await call.be_quiet(300)
        await call.speak(1000)
        await call.be_quiet(700)  # it sounds unfinished: the model has answered by now, the turn is not over
        assert isinstance(call.model, ScriptedModel)
        assert len(call.model.prompts) == 1
        assert running(call) == []
        await call.be_quiet(1600)
        assert len(running(call)) == 1
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(("hello", "type", "key"), [(OLD_JS, "llm-function-call", "args"), (IOS, "llm-function-call", "args")])
def test_each_client_gets_the_one_message_that_makes_it_run_the_tool(hello: object, type: str, key: str) -> None:
    async def story() -> None:
        call = asking([PARIS], "Sunny.", hello=hello)
        call.send("send-text", {"content": "And in Paris?"})
        await call.wait(500)
        (began,) = call.news(type)
        assert began[key] == {"location": "Paris"}
        assert running(call) == []
        answer(call, began["tool_call_id"], "sunny")
        await call.wait(2000)
        assert outputs(call) == "Sunny."
        await call.hang_up()

    virtual_clock.run(story())


def test_a_0_x_client_brings_its_tools_by_update_config_and_runs_them() -> None:
    async def story() -> None:
        call = Call(model=ScriptedModel([[PARIS], "Sunny."]), hello={})
        config = [{"service": "llm", "options": [{"name": "tools", "value": [WEATHER]}]}]
        await call.ask("update-config", {"config": config, "interrupt": False})
        call.send("append-to-context", {"role": "user", "content": "The weather in Paris?", "run_immediately": True})
        await call.wait(500)
        assert call.news("llm-function-call-start") == [{"function_name": "get_weather"}]
        (began,) = call.news("llm-function-call")
        answer(call, began["tool_call_id"], "sunny")
        await call.wait(2000)
        assert outputs(call) == "Sunny."
        await call.hang_up()

    virtual_clock.run(story())


def test_calls_of_one_reply_run_at_the_same_time() -> None:
    async def story() -> None:
        call = asking([PARIS, ROME, PARIS], "Sunny in both.")
        call.send("send-text", {"content": "The weather in Paris and Rome?"})
        await call.wait(500)
        paris, rome = running(call)
        answer(call, rome["tool_call_id"], "sunny")
        await call.wait(500)
        assert outputs(call) == ""
        answer(call, paris["tool_call_id"], "sunny, too")
        await call.wait(2500)
        assert outputs(call) == "Sunny in both."
        assert [message["role"] for message in call.said] == ["user", "assistant", "tool", "tool", "assistant"]
        assert [message["content"] for message in call.said[2:4]] == ["sunny, too", "sunny"], "in the order of the calls"
        await call.hang_up()

    virtual_clock.run(story())


def test_an_interruption_cancels_the_call_and_a_late_result_changes_nothing() -> None:
    async def story() -> None:
        call = asking([PARIS], "About Rome: sunny.")
        await call.be_quiet(300)
        await call.speak(1000)
        await call.be_quiet(2000)
        (began,) = running(call)
        await call.speak(1200)
        await call.be_quiet(4000)
        (stopped,) = call.news("llm-function-call-stopped")
        assert stopped["cancelled"] is True
        answer(call, began["tool_call_id"], "sunny")
        await call.be_quiet(500)
        assert call.news("error-response") == []
        assert "tool" not in [message["role"] for message in call.said]
        assert outputs(call) == "About Rome: sunny."
        answer(call, "call_unheard_of", "sunny")
        assert len(call.news("error-response")) == 1
        await call.hang_up()

    virtual_clock.run(story())


def test_a_tool_that_does_not_answer_is_given_up_and_the_model_is_told() -> None:
    async def story() -> None:
        call = asking([PARIS], "I could not find out.")
        call.send("send-text", {"content": "The weather in Paris?"})
        await call.wait(29_000)
        assert outputs(call) == ""
        await call.wait(5000)
        assert outputs(call) == "I could not find out."
        assert isinstance(call.model, ScriptedModel)
        assert "no answer within 30 seconds" in str(call.model.prompts[1][-1]["content"])
        await call.hang_up()

    virtual_clock.run(story())


def test_who_waits_for_more_than_two_seconds_hears_something_that_is_not_remembered() -> None:
    async def story() -> None:
        call = asking([PARIS], "It is sunny.")
        call.send("send-text", {"content": "The weather in Paris?"})
        await call.wait(1900)
        assert "bot-started-speaking" not in call.types
        began_ms = call.now_ms
        await call.wait(400)
        assert call.audible_between(began_ms, call.now_ms)
        await call.wait(3000)
        answer(call, running(call)[0]["tool_call_id"], "sunny")
        await call.wait(3000)
        assert call.said[-1] == {"role": "assistant", "content": "It is sunny."}
        shown = [data["text"] for data in call.news("bot-output") if data["spoken_status"] == "completed"]
        assert shown == ["One moment, please.", "It is sunny."]
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(("version", "kind"), [("2.2.0", "backchannel"), ("2.1.0", "sentence")])
def test_what_fills_a_wait_is_a_backchannel_to_clients_that_know_such(version: str, kind: str) -> None:
    async def story() -> None:
        call = asking([PARIS], "It is sunny.", hello={"version": version, "about": {"library": "mine"}})
        call.send("send-text", {"content": "The weather in Paris?"})
        await call.wait(5000)
        answer(call, running(call)[0]["tool_call_id"], "sunny")
        await call.wait(3000)
        kinds = {data["text"]: (data["output_type"], data["aggregated_by"]) for data in call.news("bot-output")}
        assert kinds == {"One moment, please.": (kind, kind), "It is sunny.": ("sentence", "sentence")}
        assert len(call.news("bot-output")) > 4, "all messages about them say so"
        await call.hang_up()

    virtual_clock.run(story())


def test_a_result_that_is_larger_than_a_message_ends_its_call_all_the_same() -> None:
    async def story() -> None:
        call = asking([PARIS], "Sunny.", config=replace(CONFIG, server=Server(max_message_bytes=200_000)))
        call.send("send-text", {"content": "The weather in Paris?"})
        await call.wait(500)
        long = "sunny " * 15_000
        answer(call, running(call)[0]["tool_call_id"], long)
        await call.wait(2000)
        (stopped,) = call.news("llm-function-call-stopped")
        assert stopped == {
            "tool_call_id": running(call)[0]["tool_call_id"],
            "cancelled": False,
            "function_name": "get_weather",
        }
        assert call.news("error") == []
        assert isinstance(call.model, ScriptedModel)
        assert call.model.prompts[1][-1]["content"] == long
        await call.hang_up()

    virtual_clock.run(story())


def test_a_call_that_is_written_into_the_text_is_made_and_never_spoken() -> None:
    written = '<tool_call>\n{"name": "get_weather", "arguments": {"location": "Paris"}}\n</tool_call>'

    async def story() -> None:
        call = asking(f"Let me look. {written}", "Sunny.")
        call.send("send-text", {"content": "The weather in Paris?"})
        await call.wait(500)
        (began,) = running(call)
        assert began["arguments"] == {"location": "Paris"}
        answer(call, began["tool_call_id"], "sunny")
        await call.wait(3000)
        assert outputs(call) == "Let me look. Sunny."
        roles: list[Message] = call.said
        assert [message["role"] for message in roles] == ["user", "assistant", "tool", "assistant"]
        assert roles[1]["content"] == "Let me look."
        await call.hang_up()

    virtual_clock.run(story())


def test_a_model_that_only_calls_has_to_say_something_in_the_end() -> None:
    calls = [[WrittenCall("get_weather", {"location": str(number)})] for number in range(9)]

    async def story() -> None:
        call = asking(*calls)
        call.send("send-text", {"content": "The weather everywhere?"})
        for number in range(4):
            await call.wait(200)
            answer(call, running(call)[number]["tool_call_id"], "sunny")
        await call.wait(1000)
        assert len(running(call)) == 4
        assert call.conversation.controls.is_idle
        await call.hang_up()

    virtual_clock.run(story())


def test_builtin_tools_run_here_and_the_client_is_not_asked() -> None:
    async def story() -> None:
        call = Call(
            model=ScriptedModel([[WrittenCall("set_timer", {"amount": 5, "unit": "minutes"})], "It runs."]),
            wanted=Wanted({"tools.builtin": ("set_timer",)}),
        )
        call.send("send-text", {"content": "Set a timer."})
        await call.wait(3000)
        assert running(call) == [{"tool_call_id": running(call)[0]["tool_call_id"]}], "without a name nobody runs it"
        assert outputs(call) == "It runs."
        await call.wait(5 * 60_000)
        assert outputs(call).endswith("Your timer for 5 minutes is up.")
        await call.hang_up()

    virtual_clock.run(story())


def test_the_client_sees_a_timer_as_a_job_and_can_cancel_it() -> None:
    async def story() -> None:
        five, ten = (WrittenCall("set_timer", {"amount": amount, "unit": "minutes"}) for amount in (5, 10))
        call = Call(model=ScriptedModel([[five, ten], "They run."]), wanted=Wanted({"tools.builtin": ("set_timer",)}))
        call.send("send-text", {"content": "Set two timers."})
        await call.wait(3000)
        first, second = call.news("ui-job-group")
        assert (first["kind"], first["label"], first["cancellable"]) == ("group_started", "Timer for 5 minutes", True)
        call.send("ui-cancel-job-group", {"job_id": first["job_id"]})
        await call.wait(11 * 60_000)
        ends = [(data["kind"], data["job_id"], data.get("status")) for data in call.news("ui-job-group")[2:]]
        assert ends == [
            (kind, id, status if kind == "job_completed" else None)
            for id, status in ((first["job_id"], "cancelled"), (second["job_id"], "completed"))
            for kind in ("job_completed", "group_completed")
        ]
        assert outputs(call) == "They run.Your timer for 10 minutes is up."
        assert "no job" in (await call.ask("ui-cancel-job-group", {"job_id": second["job_id"]}))["error"]
        await call.hang_up()

    virtual_clock.run(story())


def test_to_a_client_of_1_3_jobs_are_tasks() -> None:
    async def story() -> None:
        call = Call(
            model=ScriptedModel([[WrittenCall("set_timer", {"amount": 5, "unit": "minutes"})], "It runs."]),
            wanted=Wanted({"tools.builtin": ("set_timer",)}),
            hello={"version": "1.3.0", "about": {"library": "@pipecat-ai/client-js", "library_version": "1.9.0"}},
        )
        call.send("send-text", {"content": "Set a timer."})
        await call.wait(3000)
        (begun,) = call.news("ui-task")
        assert begun.items() >= {"kind": "group_started", "label": "Timer for 5 minutes", "cancellable": True}.items()
        assert len(begun["agents"]) == 1
        call.send("ui-cancel-task", {"task_id": begun["task_id"]})
        await call.wait(1000)
        ends = [(data["kind"], data["task_id"], data.get("status")) for data in call.news("ui-task")[1:]]
        assert ends == [("task_completed", begun["task_id"], "cancelled"), ("group_completed", begun["task_id"], None)]
        assert not call.news("ui-job-group")
        await call.hang_up()

    virtual_clock.run(story())


def test_the_model_reads_the_clients_page_and_does_something_on_it() -> None:
    async def story() -> None:
        click = WrittenCall("act_on_page", {"command": "click", "ref": "e2"})
        model = ScriptedModel([[WrittenCall("read_page", {})], [click], "Done."])
        call = Call(model=model, wanted=Wanted({"tools.builtin": ("read_page", "act_on_page")}))
        button = {"ref": "e2", "role": "button", "name": "Order"}
        call.send("ui-snapshot", {"tree": {"root": {"ref": "e1", "role": "main", "children": [button]}, "captured_at": 1}})
        call.send("send-text", {"content": "Order it."})
        await call.wait(3000)
        assert model.prompts[1][-1]["content"] == 'main [e1]\n  button "Order" [e2]'
        assert call.news("ui-command") == [{"command": "click", "payload": {"ref": "e2"}}]
        await call.hang_up()

    virtual_clock.run(story())


def test_the_conversation_ends_when_the_good_bye_was_heard() -> None:
    async def story() -> None:
        call = Call(
            model=ScriptedModel([[WrittenCall("end_conversation", {})], "Good bye, then."]),
            wanted=Wanted({"tools.builtin": ("end_conversation",)}),
        )
        call.send("send-text", {"content": "Bye."})
        await call.wait(500)
        assert call.ended == []
        await call.wait(3000)
        assert call.ended == [call.conversation]

    virtual_clock.run(story())


def test_the_voice_is_as_loud_as_it_was_told_to_be() -> None:
    async def story() -> None:
        call = Call(
            model=ScriptedModel([[WrittenCall("set_volume", {"percent": 50})], "Is that better?"]),
            wanted=Wanted({"tools.builtin": ("set_volume",)}),
        )
        call.send("send-text", {"content": "Quieter, please."})
        await call.wait(2500)
        loudest = max(int(abs(samples).max()) for _, samples in call.transport.audio)
        assert 3500 <= loudest <= 4100
        await call.hang_up()

    virtual_clock.run(story())


def test_tools_that_cannot_be_had_are_refused_with_a_reason() -> None:
    async def story() -> None:
        call = Call()
        assert "no builtin tool 'fly'" in await call.request("configure", {"tools": {"builtin": ["fly"]}})
        assert "list of" in await call.request("configure", {"llm": {"tools": "get_weather"}})
        assert await call.request("configure", {"llm": {"tools": [json.loads(json.dumps(WEATHER))]}})
        assert [tool.name for tool in call.conversation.toolbox.tools] == ["get_weather"]
        await asyncio.sleep(0.1)
        await call.hang_up()

    virtual_clock.run(story())
