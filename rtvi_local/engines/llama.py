"""The language model: a GGUF file on llama.cpp, several conversations at once, each with its own place in the cache.

It uses the low-level calls: the high-level `Llama` has one sequence, so two conversations on it destroy each other's prefix.
"""

from __future__ import annotations

import concurrent.futures
import functools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from rtvi_local.engines.chat_prompt import ChatPrompt, shown
from rtvi_local.engines.chat_template import ChatTemplate
from rtvi_local.engines.courtesy import Courtesy
from rtvi_local.engines.interfaces import EngineError, Message, TokenCounts
from rtvi_local.engines.llama_cache import SequenceCache
from rtvi_local.engines.llama_calls import JUDGING_SEQUENCES, MOST_CALL_TOKENS, ToolCaller, in_openai_form
from rtvi_local.engines.llama_jobs import Finished, Job, Stats
from rtvi_local.engines.llama_library import KV_TYPES, Sampler, lib
from rtvi_local.engines.llama_loading import Loaded, find_gguf, find_projector, load
from rtvi_local.engines.llama_recode import find_recoded
from rtvi_local.engines.llama_run import Run
from rtvi_local.engines.llama_scheduler import Scheduler
from rtvi_local.engines.llama_untouched import let_go_of_cache
from rtvi_local.engines.llama_vision import PICTURE_BATCH_TOKENS, Chunk, Vision
from rtvi_local.engines.llama_vocabulary import LlamaVocabulary
from rtvi_local.engines.sampling import DEFAULT_SAMPLING, Sampling
from rtvi_local.engines.tool_words import in_words
from rtvi_local.memory import drop_pages
from rtvi_local.tools.tool import Tool, WrittenCall

log = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 64, "cuda": 512}
"""How much of a prompt is read in one step. On two cores 64 tokens take 3.5 ms each, as 128 do, and 16 take 4.5."""


class ContextFull(EngineError):
    """The messages and the longest reply to them do not fit into a conversation's part of the cache: drop earlier messages."""


class LlamaModel:
    """A loaded model: `preload` what all conversations begin with, `open_session` for each of them, `close` it at the end."""

    def __init__(
        self, loaded: Loaded, path: Path, vision: Vision | None, *, threads: int, sessions: int, batch_tokens: int
    ) -> None:
        self.model_name = path.stem
        self.context_tokens = loaded.context_tokens
        self._loaded = loaded
        vocabulary = LlamaVocabulary(loaded.model)
        self._n_vocab = vocabulary.n_tokens
        self._vision = vision
        self.prompt = _prompt(loaded, vocabulary, path.name, vision)
        whole = lib.llama_model_is_recurrent(loaded.model) or lib.llama_model_is_hybrid(loaded.model)
        self._prefix_sequence = sessions
        calling = sessions + 1
        judging = range(calling + 1, calling + 1 + JUDGING_SEQUENCES)
        self._free_sequences = list(reversed(range(sessions)))
        self._scheduler = Scheduler(
            context=loaded.context,
            vocabulary=vocabulary,
            cache=SequenceCache(loaded.memory, judging.stop, forgets_in_part=not whole, everybodys={self._prefix_sequence}),
            batch_tokens=batch_tokens,
            threads=threads,
            model_name=self.model_name,
            vision=vision,
        )
        self.caller = ToolCaller(self._scheduler, self.prompt, vocabulary, judging, calling)
        self._closed = False

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        device: str,
        threads: int,
        context_tokens: int,
        sessions: int = 4,
        cache_tokens: int | None = None,
        kv_type: str | None = None,
        recoded: bool = True,
    ) -> LlamaModel:
        """Load the one .gguf file in `directory`, and the projector beside it that lets it see, and warm them up; blocking.

        `threads` compute prompts and the first clause of a reply, half of them the rest. `sessions` conversations of up to
        `context_tokens` tokens each share a cache of `cache_tokens` (by default one and a half conversations: few are that
        long; when it is full, the one that rested for longest is read anew with its next turn). `kv_type` is "f16" or "q8_0":
        by default the latter on the CPU, where it takes half the memory and is read faster (with 800 tokens in it, a step of
        Qwen2.5 0.5B on one core went from 82 to 61 ms). On the CPU, `recoded` takes the faster weights that were made of the
        model when it was installed, if they are there and whole (llama_recode.py). Raises EngineError.
        """
        kv_type = kv_type or ("q8_0" if device == "cpu" else "f16")
        if kv_type not in KV_TYPES:
            raise EngineError(f"There is no cache type {kv_type!r}; use one of {', '.join(KV_TYPES)}.")
        path = find_gguf(directory)
        projector = find_projector(directory)
        batch_tokens = BATCH_TOKENS["cuda" if device == "cuda" else "cpu"]
        load_weights = functools.partial(
            load,
            device=device,
            threads=threads,
            context_tokens=context_tokens,
            cache_tokens=max(cache_tokens or context_tokens * 3 // 2, context_tokens),
            sequences=sessions + 2 + JUDGING_SEQUENCES,
            batch_tokens=max(batch_tokens, PICTURE_BATCH_TOKENS) if projector else batch_tokens,
            kv_type=kv_type,
        )
        faster = find_recoded(path) if recoded and device == "cpu" else None
        try:
            loaded = load_weights(faster or path)
        except EngineError as error:
            if faster is None:
                raise
            log.warning("The faster weights are not used: %s", error)
            loaded = load_weights(path)
        vision = None
        try:
            if projector is not None:
                vision = Vision.load(projector, loaded.model, device=device, threads=threads)
            model = cls(loaded, path, vision, threads=threads, sessions=sessions, batch_tokens=batch_tokens)
        except BaseException:
            if vision is not None:
                vision.close()
            loaded.free()
            raise
        model.tidy()
        model._warm_up()
        if device == "cpu":
            let_go_of_cache(loaded, model._prefix_sequence, kv_type)
        model._scheduler.release(model._prefix_sequence)
        model.tidy()
        return model

    @property
    def stats(self) -> Stats:
        return self._scheduler.stats

    @property
    def sees(self) -> bool:
        """It can look at pictures."""
        return self._vision is not None

    def open_session(self) -> LlamaSession:
        if not self._free_sequences:
            raise EngineError(
                f"{self.model_name}: all places are taken. Raise server.max_conversations, or end a conversation."
            )
        return LlamaSession(self, self._free_sequences.pop())

    async def preload(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> None:
        """Read what all conversations begin with (system prompt and tools) once; sessions share it without copying."""
        await self._read_ahead(self._prefix_sequence, messages)
        if tools:
            await self.caller.read_ahead(messages, tools)

    async def calls(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Sequence[WrittenCall]:
        """What the model wants called before it answers. Raises ContextFull."""
        self._require_open()
        self._require_room(self.count_tokens(messages, tools), MOST_CALL_TOKENS)
        return await self.caller.calls(messages, tools)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """How much of `context_tokens` a reply to `messages` starts with."""
        self._require_open()
        return len(self.prompt.reply_tokens(messages, in_openai_form(tools)))

    def step_back_for(self, courtesy: Courtesy) -> None:
        """Let another engine go first, between two tokens, when it asks."""
        self._scheduler.step_back = courtesy.step_back

    def tidy(self) -> None:
        """Let go of those pages of the file that are not needed. The kernel brings back whole neighbourhoods of what is read:
        with a few words' rows all of the embedding, with the weights that are used as they are those beside them."""
        drop_pages(self._loaded.path, self._loaded.unused)

    def close(self) -> None:
        """Stop what is running and free the memory."""
        if not self._closed:
            self._closed = True
            self._scheduler.close()
            if self._vision is not None:
                self._vision.close()
            self._loaded.free()

    def _warm_up(self) -> None:
        """A long batch and a single token, so that the first conversation pays for no first time. They stay in the cache."""
        tokens = self.prompt.reply_tokens([{"role": "user", "content": "Hello there, " * 12}])
        done: concurrent.futures.Future[Finished] = concurrent.futures.Future()

        def deliver(result: str | Finished) -> None:
            if isinstance(result, Finished):
                done.set_result(result)

        self._scheduler.submit(Job(self._prefix_sequence, tokens, Sampler(0, self._n_vocab), max_tokens=2, deliver=deliver))
        if (error := done.result().error) is not None:
            self.close()
            raise error
        self.stats.tokens_prefilled = self.stats.tokens_generated = 0

    async def _read_ahead(self, sequence: int, messages: Sequence[Message], *, as_if_finished: bool = False) -> None:
        messages = in_words(messages)
        seen = await self._see(messages)
        self._require_open()
        tokens_of = self.prompt.reply_tokens if as_if_finished else self.prompt.sure_tokens
        tokens = tokens_of(messages)
        self._require_room(_cells(tokens, seen), 1)
        if tokens:
            ending = self.prompt.end_of_words(messages, tokens) if as_if_finished else None
            await Run(self._scheduler, Job(sequence, tokens, pictures=seen, ending=ending)).to_end()

    async def _start_reply(
        self,
        sequence: int,
        messages: Sequence[Message],
        max_tokens: int,
        temperature: float,
        sampling: Sampling,
        on_ending: Callable[[float], None] | None,
    ) -> Run:
        if messages and messages[-1].get("role") == "tool":
            temperature = 0.0  # what was found out is to be told, not to be played with
        messages = in_words(messages)
        seen = await self._see(messages)
        self._require_open()
        tokens = self.prompt.reply_tokens(messages)
        prompt_tokens = _cells(tokens, seen)
        self._require_room(prompt_tokens, max_tokens)
        sampler = Sampler(temperature, self._n_vocab, sampling)
        ending = None if on_ending is None else self.prompt.end_of_words(messages, tokens)
        job = Job(sequence, tokens, sampler, max_tokens, pictures=seen, ending=ending, prompt_tokens=prompt_tokens)
        return Run(self._scheduler, job, on_ending)

    async def _see(self, messages: Sequence[Message]) -> dict[int, Chunk]:
        """Look at the pictures in `messages`; returns their parts by what stands for them in the prompt."""
        self._require_open()
        if self._vision is None:
            return {}
        seen = await self._vision.see(shown(messages))
        return {chunk.positions[0]: chunk for picture in seen.values() for chunk in picture.chunks}

    def _require_open(self) -> None:
        """Whatever touches the model after it was freed takes the whole process down."""
        if self._closed:
            raise EngineError(f"{self.model_name}: the language model was closed.")

    def _require_room(self, prompt_tokens: int, max_tokens: int) -> None:
        if prompt_tokens + max_tokens > self.context_tokens:
            sizes = f"{prompt_tokens} tokens of messages and {max_tokens} of reply"
            raise ContextFull(f"{self.model_name}: {sizes} do not fit into {self.context_tokens} (llm.context_tokens).")

    def _end_session(self, sequence: int) -> None:
        if not self._closed:
            self._scheduler.release(sequence)
        self._free_sequences.append(sequence)


class LlamaSession:
    """One conversation. One thing at a time: a new `reply` or `prefill` ends the one before, and uses what that has read. So
    when more words arrive, call `prefill` anew instead of cancelling the old one, which would throw its running batch away."""

    def __init__(self, model: LlamaModel, sequence: int) -> None:
        self._model = model
        self._sequence = sequence
        self._closed = False
        self.first_text_ms = 0.0
        """From when the newest reply's prompt had been read to its first piece."""
        self._replying: Job | None = None

    @property
    def token_counts(self) -> TokenCounts:
        """Of the newest reply, so far. A picture counts as what it takes of the cache."""
        job = self._replying
        return TokenCounts() if job is None else TokenCounts(job.prompt_tokens, job.reused, job.generated)

    async def prefill(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> None:
        """Read `messages` into the cache. If the last is the user's, it is read as if it were finished: a reply to it then has
        a single token left to read instead of about eight (15 ms instead of 60), and if more words come, only what follows
        them was read in vain. Cancelling the task frees the cores. Raises ContextFull."""
        self._require_open()
        said = messages[-1].get("content") if messages and messages[-1].get("role") == "user" else None
        await self._model._read_ahead(self._sequence, messages, as_if_finished=bool(said))
        if tools:
            await self._model.caller.read_ahead(messages, tools)

    async def calls(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Sequence[WrittenCall]:
        """What the model wants called before it answers."""
        self._require_open()
        return await self._model.calls(messages, tools)

    async def reply(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        sampling: Sampling = DEFAULT_SAMPLING,
        tools: Sequence[Tool] = (),
        on_ending: Callable[[float], None] | None = None,
    ) -> AsyncGenerator[str, None]:
        """The answer to `messages`, in pieces of whole characters, without leading whitespace. Raises ContextFull, before it
        computes anything, if messages and `max_tokens` are more than `context_tokens`."""
        self._require_open()
        del tools  # the model sees them where it calls, see tool_words
        run = await self._model._start_reply(self._sequence, messages, max_tokens, temperature, sampling, on_ending)
        self._replying = run.job
        try:
            first = True
            async for piece in run:
                if first:
                    self.first_text_ms = (time.perf_counter() - run.job.read_s) * 1000
                    first = False
                yield piece
        finally:
            run.cancel()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._model._end_session(self._sequence)

    def _require_open(self) -> None:
        if self._closed:
            raise EngineError(f"{self._model.model_name}: the session is closed.")


def _cells(tokens: Sequence[int], pictures: Mapping[int, Chunk]) -> int:
    """What a prompt takes of the cache."""
    return len(tokens) + sum(pictures[token].cells - len(pictures[token].positions) for token in tokens if token in pictures)


def _prompt(loaded: Loaded, vocabulary: LlamaVocabulary, model_name: str, vision: Vision | None) -> ChatPrompt:
    source = lib.llama_model_chat_template(loaded.model, None)
    template = ChatTemplate(
        source.decode("utf-8", "replace") if source else None,
        model_name=model_name,
        bos_token=vocabulary.bos_text,
        eos_token=vocabulary.eos_text,
    )
    return ChatPrompt(template, vocabulary, vision)
