from __future__ import annotations

from collections.abc import Sequence

from rtvi_local.pipeline.context import SUMMARY, Context, Message, fitted, oldest_turns


def said(role: str, text: str) -> Message:
    return {"role": role, "content": text}


def test_two_turns_of_the_person_without_an_answer_between_become_one() -> None:
    context = Context("Be kind.")
    context.add_user("What is")
    context.add_user("the time?")
    assert context.messages == [said("system", "Be kind."), said("user", "What is the time?")]


def test_asking_what_if_changes_nothing() -> None:
    context = Context()
    assert context.with_user("Hi") == [said("user", "Hi")]
    assert context.messages == []


def count_words(messages: Sequence[Message]) -> int:
    return sum(len(str(message["content"]).split()) for message in messages)


def test_the_oldest_turns_go_first_and_the_system_prompt_and_the_question_stay() -> None:
    messages = [said("system", "a b"), said("user", "c d"), said("assistant", "e f"), said("user", "g h")]
    assert fitted(messages, 8, count_words) == messages
    assert fitted(messages, 7, count_words) == [messages[0], messages[3]]
    assert fitted(messages, 1, count_words) == [messages[0], messages[3]]


def test_a_new_system_prompt_takes_the_place_of_the_old_one() -> None:
    context = Context("Be kind.")
    context.add_user("Hi.")
    context.system_prompt = "Be brief."
    assert context.messages == [said("system", "Be brief."), said("user", "Hi.")]
    context.system_prompt = ""
    assert context.messages == [said("user", "Hi.")]
    context.system_prompt = "Be kind."
    assert context.messages[0] == said("system", "Be kind.")


def test_setting_messages_keeps_the_system_prompt_unless_they_bring_one() -> None:
    context = Context("Be kind.")
    context.set([said("user", "Hi.")])
    assert context.messages == [said("system", "Be kind."), said("user", "Hi.")]
    context.set([said("system", "Be brief.")])
    assert context.messages == [said("system", "Be brief.")]
    context.clear()
    assert context.messages == [said("system", "Be brief.")]


def test_a_summary_stands_where_what_it_covers_stood() -> None:
    context = Context("Be kind.")
    turns = [said("user", "I am Anna."), said("assistant", "Hi."), said("user", "Bye."), said("assistant", "Bye.")]
    context.set(turns)
    assert context.condense("Anna greeted.", turns[:2])
    assert context.messages == [said("system", "Be kind."), said("system", f"{SUMMARY}Anna greeted."), *turns[2:]]
    covered = oldest_turns(context.messages, 0)
    assert covered[0] == said("system", f"{SUMMARY}Anna greeted."), "an earlier summary is part of what is summed up"


def test_a_summary_of_what_is_no_longer_there_changes_nothing() -> None:
    context = Context()
    context.set([said("user", "Something else.")])
    assert not context.condense("Anna greeted.", [said("user", "I am Anna.")])
    assert context.messages == [said("user", "Something else.")]


def test_a_summary_is_no_system_prompt() -> None:
    context = Context()
    context.set([said("system", f"{SUMMARY}Anna greeted."), said("user", "Hi.")])
    assert context.system_prompt == ""
    context.system_prompt = "Be kind."
    assert len(context.messages) == 3


def test_what_is_summed_up_ends_where_the_person_speaks() -> None:
    call: Message = {"role": "assistant", "tool_calls": [1]}
    messages = [said("system", "p"), said("user", "a"), said("assistant", "b"), said("user", "c"), call, said("tool", "d")]
    messages += [said("assistant", "e"), said("user", "f")]
    for keep in range(2, 5):
        assert oldest_turns(messages, keep) == messages[1:3], "a tool's call and its result stay together"
    assert oldest_turns(messages, 7) == []
