"""Conversations that outgrow what their model can see, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rtvi_local import virtual_clock
from rtvi_local.config import Llm
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.pipeline.context import SUMMARY, Message
from rtvi_local.pipeline.context_keeper import INSTRUCTION, KEPT_MESSAGES
from tests.pipeline.test_conversation import CONFIG, Call

SMALL = replace(CONFIG, llm=Llm(system_prompt="Be brief.", max_tokens=20))
SUMMED_UP = "The person is Anna, and likes tea."


def answer(messages: Sequence[Message]) -> str:
    return SUMMED_UP if messages[-1]["content"] == INSTRUCTION else "Well, all right then."


def call_of(*texts: str, token_ms: float = 10) -> Call:
    return Call(*texts, model=ScriptedModel(answer, token_ms=token_ms, context_tokens=400), config=SMALL)


def prompts(call: Call) -> list[list[Message]]:
    assert isinstance(call.model, ScriptedModel)
    return call.model.prompts


def summaries_asked(call: Call) -> int:
    return sum(prompt[-1]["content"] == INSTRUCTION for prompt in prompts(call))


async def talk(call: Call, turns: int) -> None:
    for number in range(turns):
        call.send(
            "send-text", {"content": f"This is number {number} of a lot of things.", "options": {"audio_response": False}}
        )
        await call.be_quiet(200)


def test_a_full_window_is_summed_up_between_turns_and_the_client_is_told() -> None:
    async def story() -> None:
        call = call_of()
        call.send("send-text", {"content": "I am Anna, and I like tea.", "options": {"run_immediately": False}})
        await talk(call, 10)
        await call.be_quiet(2000)
        context = call.conversation.context.messages
        assert context[0] == {"role": "system", "content": "Be brief."}
        assert context[1]["role"] == "system"
        summary = str(context[1]["content"]).removeprefix(SUMMARY)
        assert summary.startswith(f"{SUMMED_UP}\nIn the user's words: I am Anna, and I like tea. This is number")
        assert context[2]["role"] == "user"
        (news,) = call.news("server-message")
        assert (news["type"], news["summary"]) == ("context-summarized", summary)
        assert len(context) - 2 >= KEPT_MESSAGES
        (asked,) = [prompt for prompt in prompts(call) if prompt[-1]["content"] == INSTRUCTION]
        assert "Anna" in str(asked[1]["content"])
        assert isinstance(call.model, ScriptedModel)
        read = call.model.prefilled[-1]
        assert read[:2] == context[:2], "the shorter context is read at once"
        assert SUMMED_UP not in "".join(str(output["text"]) for output in call.news("bot-output"))
        await call.hang_up()

    virtual_clock.run(story())


def test_summaries_are_summed_up_again_and_no_fact_is_left_to_chance() -> None:
    async def story() -> None:
        call = call_of()
        call.send("send-text", {"content": "I am Anna, and I like tea.", "options": {"run_immediately": False}})
        await talk(call, 40)
        await call.be_quiet(2000)
        assert summaries_asked(call) >= 3
        system = [message for message in call.conversation.context.messages if message["role"] == "system"]
        assert len(system) == 2, "one system prompt, one summary"
        later = [prompt for prompt in prompts(call) if prompt[-1]["content"] == INSTRUCTION][1]
        assert SUMMED_UP in str(later[1]["content"])
        assert "I am Anna, and I like tea." in str(system[1]["content"]), "said long before the last summary"
        assert all(news["type"] == "context-summarized" for news in call.news("server-message"))
        await call.hang_up()

    virtual_clock.run(story())


def test_a_short_conversation_is_left_as_it_is() -> None:
    async def story() -> None:
        call = call_of()
        await talk(call, 3)
        await call.be_quiet(2000)
        assert summaries_asked(call) == 0
        await call.hang_up()

    virtual_clock.run(story())


def test_whoever_speaks_is_not_kept_waiting_by_a_summary() -> None:
    async def story() -> None:
        call = call_of("I am not done.", token_ms=400)
        for _ in range(20):
            call.send("send-text", {"content": "This is one of a lot of things.", "options": {"audio_response": False}})
            await call.be_quiet(2000)
            if summaries_asked(call):
                break
        assert summaries_asked(call) == 1
        before = call.said
        assert isinstance(call.model, ScriptedModel)
        closed_before = call.model.replies_closed_early
        await call.speak(700)
        assert call.model.replies_closed_early == closed_before + 1, "it was given up as soon as somebody spoke"
        assert call.said == before
        assert call.news("server-message") == []
        await call.be_quiet(8000)
        assert "I am not done." in [message["content"] for message in call.said]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_context_that_was_changed_meanwhile_keeps_the_change() -> None:
    async def story() -> None:
        call = call_of(token_ms=300)
        for _ in range(20):
            call.send("send-text", {"content": "This is one of a lot of things.", "options": {"audio_response": False}})
            await call.be_quiet(1600)
            if summaries_asked(call):
                break
        await call.request("context:set", {"messages": [{"role": "user", "content": "Something else."}]})
        await call.be_quiet(5000)
        assert call.said == [{"role": "user", "content": "Something else."}]
        assert call.news("server-message") == []
        await call.hang_up()

    virtual_clock.run(story())


def test_what_has_to_be_left_out_because_nobody_paused_is_told() -> None:
    async def story() -> None:
        call = call_of()
        call.conversation.context.set(
            [{"role": role, "content": "a word or two " * 12} for _ in range(6) for role in ("user", "assistant")]
        )
        call.send("send-text", {"content": "Hello."})
        await asyncio.sleep(0.1)
        (news,) = call.news("server-message")
        assert news["type"] == "context-trimmed"
        assert news["messages"] > 0
        assert prompts(call)[0][0] == {"role": "system", "content": "Be brief."}
        await call.hang_up()

    virtual_clock.run(story())
