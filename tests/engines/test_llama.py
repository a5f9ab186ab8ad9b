"""The language model engine with a real model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from rtvi_local.engines.interfaces import EngineError, LanguageModel, Message, TokenCounts
from rtvi_local.engines.llama import ContextFull, LlamaModel, LlamaSession
from rtvi_local.engines.sampling import Sampling
from tests.until import until

pytestmark = pytest.mark.models

SYSTEM: Message = {"role": "system", "content": "You are a helpful assistant. Answer in one short sentence."}
FRANCE: list[Message] = [SYSTEM, {"role": "user", "content": "What is the capital of France?"}]
SUM: list[Message] = [SYSTEM, {"role": "user", "content": "What is two plus two?"}]
"""Answered with a lead of 1.9 (logits) for each token: what is computed along with it, and on what processor, does not change
the answer."""


def long(fruit: str) -> list[Message]:
    return [SYSTEM, {"role": "user", "content": f"I like {fruit} and pears and plums. " * 90 + "What is the capital of Italy?"}]


LONG = long("apples")

Result = TypeVar("Result")


def run(coroutine: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(asyncio.wait_for(coroutine, 120))


def load(directory: Path, *, context_tokens: int = 2048, sessions: int = 3, cache_tokens: int | None = None) -> LlamaModel:
    # The weights as they came: what is answered should not depend on whether this machine has a faster copy.
    return LlamaModel.load(
        directory,
        device="cpu",
        threads=2,
        context_tokens=context_tokens,
        sessions=sessions,
        cache_tokens=cache_tokens,
        recoded=False,
    )


@pytest.fixture(scope="module")
def loaded(models_directory: Path) -> Iterator[LlamaModel]:
    model = load(models_directory / "qwen2.5-coder-0.5b")
    run(model.preload([SYSTEM]))
    yield model
    model.close()


@pytest.fixture
def model(loaded: LlamaModel) -> Iterator[LlamaModel]:
    opened: list[LlamaSession] = []
    open_session = loaded.open_session

    def keeping_track() -> LlamaSession:
        opened.append(open_session())
        return opened[-1]

    loaded.open_session = keeping_track  # type: ignore[method-assign]
    yield loaded
    loaded.open_session = open_session  # type: ignore[method-assign]
    for session in opened:
        session.close()


async def text_of(session: LlamaSession, messages: list[Message], *, max_tokens: int = 12) -> str:
    return "".join([piece async for piece in session.reply(messages, max_tokens=max_tokens, temperature=0)])


async def idle_since(model: LlamaModel, since_s: float) -> float:
    """How many seconds after `since_s` the engine had nothing more to do.

    It is to be 30 ms, and `rtvi-local bench --cancels` shows whether it is; tests allow 100 for the soonest of three, for they
    run on busy machines."""
    await until(lambda: model.stats.idle_since_s is not None)
    assert model.stats.idle_since_s is not None
    return model.stats.idle_since_s - since_s


def test_it_answers_and_is_a_language_model_as_the_stages_know_it(model: LlamaModel) -> None:
    known_as: LanguageModel = model
    assert known_as.model_name == "qwen2.5-coder-0.5b-instruct-q4_k_m"
    assert "Paris" in run(text_of(model.open_session(), FRANCE))


def test_a_new_conversation_starts_from_the_preloaded_prompt(model: LlamaModel) -> None:
    before = model.stats.tokens_reused
    run(text_of(model.open_session(), FRANCE, max_tokens=1))
    assert model.stats.tokens_reused - before >= len(model.prompt.sure_tokens([SYSTEM]))


def test_a_second_turn_reads_only_what_is_new_though_another_conversation_spoke_in_between(model: LlamaModel) -> None:
    async def talk() -> tuple[int, int]:
        session, other = model.open_session(), model.open_session()
        before = model.stats.tokens_generated
        answer = await text_of(session, FRANCE, max_tokens=30)
        answered = model.stats.tokens_generated - before
        await text_of(other, SUM)
        follow_up: Message = {"role": "user", "content": "What is the capital of Spain?"}
        messages: list[Message] = [*FRANCE, {"role": "assistant", "content": answer}, follow_up]
        before = model.stats.tokens_prefilled
        assert "Madrid" in await text_of(session, messages)
        new = len(model.prompt.reply_tokens(messages)) - len(model.prompt.reply_tokens(FRANCE)) - answered
        return model.stats.tokens_prefilled - before, new

    prefilled, new = run(talk())
    assert prefilled == new <= 20


def test_with_the_same_seed_chance_chooses_the_same_again(model: LlamaModel) -> None:
    async def said(sampling: Sampling) -> str:
        session = model.open_session()
        pieces = session.reply(SUM, max_tokens=12, temperature=2, sampling=sampling)
        text = "".join([piece async for piece in pieces])
        session.close()
        return text

    seeds = [Sampling(seed=seed) for seed in (1, 1, 2, 3, 4)]
    first, again, *others = [run(said(sampling)) for sampling in seeds]
    assert first == again
    assert set(others) != {first}
    assert run(said(Sampling(top_k=1, repeat_penalty=1.0))) == run(said(Sampling(top_k=1, repeat_penalty=1.0, seed=9)))


def test_a_reply_counts_its_tokens_and_those_of_its_prompt_that_were_read_before(model: LlamaModel) -> None:
    async def counted() -> TokenCounts:
        session = model.open_session()
        await session.prefill(FRANCE)
        await text_of(session, FRANCE, max_tokens=3)
        return session.token_counts

    prompt = len(model.prompt.reply_tokens(FRANCE))
    assert run(counted()) == TokenCounts(prompt, prompt - 1, 3)


def test_words_read_while_they_were_spoken_are_not_read_again(model: LlamaModel) -> None:
    async def talk() -> int:
        session = model.open_session()
        for heard in ("What is the", "What is the capital", "What is the capital of Fran"):
            await session.prefill([SYSTEM, {"role": "user", "content": heard}])
        before = model.stats.tokens_prefilled
        await text_of(session, FRANCE, max_tokens=1)
        return model.stats.tokens_prefilled - before

    tail = len(model.prompt.reply_tokens(FRANCE)) - len(
        model.prompt.sure_tokens([SYSTEM, {"role": "user", "content": "What is the capital of F"}])
    )
    assert run(talk()) == tail <= 8


def test_it_knows_whether_a_sentence_may_end_where_it_does_whether_or_not_it_was_read_before(model: LlamaModel) -> None:
    async def ending(text: str, *, read_before: bool) -> float:
        told: list[float] = []
        session = model.open_session()
        messages: list[Message] = [SYSTEM, {"role": "user", "content": text}]
        if read_before:
            await session.prefill(messages)
        async for _ in session.reply(messages, max_tokens=2, temperature=0, on_ending=told.append):
            pass
        session.close()
        (value,) = told
        return value

    for read_before in (False, True):
        whole = run(ending("What is the capital of France?", read_before=read_before))
        broken_off = run(ending("What is the capital of?", read_before=read_before))
        unmarked = run(ending("What is the capital of", read_before=read_before))
        assert whole > -5 > -8 > broken_off
        assert unmarked == pytest.approx(broken_off, abs=0.5)


def test_two_conversations_at_once_say_what_each_says_alone(model: LlamaModel) -> None:
    async def talk() -> tuple[list[str], list[str]]:
        sessions = model.open_session(), model.open_session()
        alone = [await text_of(sessions[0], FRANCE), await text_of(sessions[1], SUM)]
        for session in sessions:
            session.close()
        sessions = model.open_session(), model.open_session()
        together = await asyncio.gather(text_of(sessions[0], FRANCE), text_of(sessions[1], SUM))
        return alone, list(together)

    alone, together = run(talk())
    assert together == alone


def test_cancelling_in_mid_prompt_frees_the_cores_and_the_next_reply_is_as_on_a_fresh_session(model: LlamaModel) -> None:
    async def cancelled(session: LlamaSession, fruit: str) -> float:
        read, aborted = model.stats.tokens_prefilled, model.stats.steps_aborted
        task = asyncio.create_task(session.prefill(long(fruit)))
        await until(lambda: model.stats.tokens_prefilled > read)
        cancelled_s = time.perf_counter()
        task.cancel()
        idle_s = await idle_since(model, cancelled_s)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert model.stats.steps_aborted - aborted == 1
        assert model.stats.tokens_prefilled - read < 400, "it read on"
        return idle_s

    async def talk() -> tuple[float, str, str]:
        session = model.open_session()
        soonest_s = min([await cancelled(session, fruit) for fruit in ("apples", "cherries", "lemons")])
        return soonest_s, await text_of(session, FRANCE), await text_of(model.open_session(), FRANCE)

    soonest_s, again, fresh = run(talk())
    assert soonest_s < 0.1
    assert again == fresh


def test_closing_the_iterator_in_mid_reply_frees_the_cores_and_leaves_the_session_of_use(model: LlamaModel) -> None:
    async def closed(session: LlamaSession) -> float:
        reply = session.reply([SYSTEM, {"role": "user", "content": "Count from one to fifty."}], max_tokens=150, temperature=0)
        await reply.__anext__()
        closed_s = time.perf_counter()
        await reply.aclose()
        return await idle_since(model, closed_s)

    async def talk() -> tuple[float, str, str]:
        session = model.open_session()
        soonest_s = min([await closed(session) for _ in range(3)])
        return soonest_s, await text_of(session, SUM), await text_of(model.open_session(), SUM)

    soonest_s, again, fresh = run(talk())
    assert soonest_s < 0.1
    assert again == fresh


def test_an_abort_for_one_conversation_does_not_change_what_another_says(model: LlamaModel) -> None:
    async def talk() -> tuple[str, str, int]:
        alone = await text_of(model.open_session(), SUM, max_tokens=20)
        speaking, reading = model.open_session(), model.open_session()
        aborted = model.stats.steps_aborted
        reply = asyncio.create_task(text_of(speaking, SUM, max_tokens=20))
        for _ in range(4):
            read = model.stats.tokens_prefilled
            task = asyncio.create_task(reading.prefill(LONG))
            await until(lambda read=read: reply.done() or model.stats.tokens_prefilled > read)  # type: ignore[misc]
            task.cancel()
        return alone, await reply, model.stats.steps_aborted - aborted

    alone, disturbed, aborted = run(talk())
    assert aborted > 0
    assert disturbed == alone


def test_a_reply_does_not_wait_for_what_another_conversation_reads_ahead(model: LlamaModel) -> None:
    async def talk() -> int:
        reading, answering = model.open_session(), model.open_session()
        read, aborted = model.stats.tokens_prefilled, model.stats.steps_aborted
        ahead = asyncio.create_task(reading.prefill(LONG))
        await until(lambda: model.stats.tokens_prefilled > read)
        assert "Paris" in await text_of(answering, FRANCE)
        assert not ahead.done(), "the prompt is too short to tell"
        await ahead
        return model.stats.steps_aborted - aborted

    assert run(talk()) == 1


def test_a_new_reply_ends_the_one_before(model: LlamaModel) -> None:
    async def talk() -> tuple[str, str]:
        session = model.open_session()
        older = session.reply([SYSTEM, {"role": "user", "content": "Count from one to fifty."}], max_tokens=150, temperature=0)
        first = await older.__anext__()
        newer = await text_of(session, FRANCE)
        return first + "".join([piece async for piece in older]), newer

    older, newer = run(talk())
    assert "fifty" not in older
    assert "Paris" in newer


def test_pieces_are_whole_characters_and_begin_without_space(model: LlamaModel) -> None:
    async def talk() -> list[str]:
        messages: list[Message] = [{"role": "user", "content": "Repeat exactly, nothing else: 😀 👍🏽 日本語 Zoë"}]
        return [piece async for piece in model.open_session().reply(messages, max_tokens=24, temperature=0)]

    pieces = run(talk())
    assert "👍🏽" in "".join(pieces)
    assert "日本語" in "".join(pieces)
    assert not any("\ufffd" in piece for piece in pieces)
    assert all(pieces) and not pieces[0][0].isspace()


def test_max_tokens_is_kept(model: LlamaModel) -> None:
    before = model.stats.tokens_generated
    run(text_of(model.open_session(), SUM, max_tokens=3))
    assert model.stats.tokens_generated - before == 3


def test_temperature_brings_chance(model: LlamaModel) -> None:
    async def talk() -> set[str]:
        messages: list[Message] = [{"role": "user", "content": "Say any word."}]
        session = model.open_session()
        said = set()
        for _ in range(6):
            said.add("".join([piece async for piece in session.reply(messages, max_tokens=6, temperature=2)]))
        return said

    assert len(run(talk())) > 1


def test_messages_that_do_not_fit_are_refused_before_the_cache_is_touched(model: LlamaModel) -> None:
    async def talk() -> None:
        session = model.open_session()
        await text_of(session, FRANCE, max_tokens=2)
        reused = model.stats.tokens_reused
        too_long: list[Message] = [SYSTEM, {"role": "user", "content": "word " * 3000}]
        for attempt in (text_of(session, too_long), session.prefill(too_long)):
            with pytest.raises(ContextFull, match="context_tokens"):
                await attempt
        with pytest.raises(ContextFull):
            await text_of(session, FRANCE, max_tokens=2040)
        await text_of(session, FRANCE, max_tokens=2)
        assert model.stats.tokens_reused - reused == len(model.prompt.reply_tokens(FRANCE)) - 1

    run(talk())


def test_a_closed_session_gives_its_place_back_and_leaves_nothing_behind(model: LlamaModel) -> None:
    async def talk() -> int:
        sessions = [model.open_session() for _ in range(3)]
        with pytest.raises(EngineError, match="all places are taken"):
            model.open_session()
        await text_of(sessions[0], FRANCE, max_tokens=1)
        for session in sessions:
            session.close()
            session.close()
        with pytest.raises(EngineError, match="closed"):
            await sessions[0].prefill(FRANCE)
        before = model.stats.tokens_reused
        await text_of(model.open_session(), FRANCE, max_tokens=1)
        return model.stats.tokens_reused - before

    assert run(talk()) == len(model.prompt.sure_tokens([SYSTEM]))


def test_a_resting_engine_uses_no_cpu(model: LlamaModel) -> None:
    run(text_of(model.open_session(), FRANCE, max_tokens=4))

    def used_s() -> float:
        before_s = time.process_time()
        time.sleep(0.5)
        return time.process_time() - before_s

    # Whatever else this process does now and then, an engine that does not rest would do all the time.
    assert min(used_s() for _ in range(3)) < 0.02


def test_a_full_cache_forgets_whoever_rested_longest(models_directory: Path) -> None:
    model = load(models_directory / "qwen2.5-coder-0.5b", context_tokens=256, cache_tokens=256, sessions=3)

    async def talk() -> list[str]:
        stories: list[list[Message]] = [
            [SYSTEM, {"role": "user", "content": f"{fruit} are good. " * 22 + "What is the capital of France?"}]
            for fruit in ("Apples", "Pears", "Plums")
        ]
        sessions = [model.open_session() for _ in stories]
        return [await text_of(session, story, max_tokens=8) for session, story in zip(sessions, stories, strict=True)]

    try:
        answers = run(talk())
        assert model.stats.sequences_evicted > 0
        assert all("Paris" in answer for answer in answers)
    finally:
        model.close()


def test_closing_the_model_ends_what_is_running_in_words(models_directory: Path) -> None:
    model = load(models_directory / "qwen2.5-coder-0.5b", context_tokens=512, sessions=1)

    async def talk() -> None:
        session = model.open_session()
        reply = session.reply(FRANCE, max_tokens=100, temperature=0)
        await reply.__anext__()
        model.close()
        with pytest.raises(EngineError, match="was closed"):
            async for _ in reply:
                pass
        with pytest.raises(EngineError, match="was closed"):
            await session.prefill(SUM)
        session.close()

    run(talk())
    model.close()
