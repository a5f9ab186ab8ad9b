"""Calls of tools on llama.cpp: whether one is wanted (tool_judge.py), and its arguments by a grammar."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence

from rtvi_local.engines import tool_judge
from rtvi_local.engines.call_grammar import certain_start, grammar_of
from rtvi_local.engines.chat_prompt import ChatPrompt
from rtvi_local.engines.interfaces import Message
from rtvi_local.engines.llama_grammar import GrammarSampler, Peek
from rtvi_local.engines.llama_jobs import Job
from rtvi_local.engines.llama_run import Run
from rtvi_local.engines.llama_scheduler import Scheduler
from rtvi_local.engines.llama_vocabulary import LlamaVocabulary
from rtvi_local.engines.tool_examples import without_examples
from rtvi_local.tools.calls_in_text import end_of_json
from rtvi_local.tools.tool import Tool, WrittenCall

log = logging.getLogger(__name__)

JUDGING_SEQUENCES = 16
"""Texts that what was said is tried behind, at the same time: one for talk, and one for each tool."""
MOST_CALL_TOKENS = 256
MOST_CALLS = 4


class ToolCaller:
    """One model's, for all its conversations."""

    def __init__(
        self,
        scheduler: Scheduler,
        prompt: ChatPrompt,
        vocabulary: LlamaVocabulary,
        sequences: Sequence[int],
        calling: int,
    ) -> None:
        """`sequences` of the cache, where what was said is judged, and `calling`, where calls are written, are its own."""
        self._scheduler = scheduler
        self._prompt = prompt
        self._vocabulary = vocabulary
        self._sequences = list(sequences)
        self._places: dict[str, int] = {}
        """Sequence by the text that it begins with, longest unused first."""
        self._judging = asyncio.Lock()
        self._calling = calling
        self._writing = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._small_talk: dict[str, dict[str, float]] = {said: {} for said in tool_judge.SMALL_TALK}
        """How likely each of these sentences is behind each text."""

    async def read_ahead(self, messages: Sequence[Message], tools: Sequence[Tool]) -> None:
        """Prepare for these tools, and read what was said so far, but for the word that may yet change."""
        if self._preparing.locked():
            return  # more words will come
        await self._prepare(tools)
        said = _said(messages)
        if not said and not self._writing.locked():
            # The definitions are long; what is said behind them is short, and few sentences ask for a tool.
            tokens = self._prompt.sure_tokens(messages, in_openai_form(tools))
            await Run(self._scheduler, Job(self._calling, list(tokens))).to_end()
        sure = said.rpartition(" ")[0].strip()
        # What cuts off the beginning of a long text changes with every word.
        if sure and len(said) < tool_judge.MOST_CHARACTERS and not self._judging.locked():
            await self._score(_texts(tools), sure, urgent=False)

    async def calls(self, messages: Sequence[Message], tools: Sequence[Tool]) -> list[WrittenCall]:
        """What is to be called before `messages` are answered."""
        said = _said(messages)
        if not said or tool_judge.is_greeting(said):
            return []
        await self._prepare(tools)
        scores = await self._score(_texts(tools), tool_judge.words_of(said), urgent=True)
        margins = {tool.name: tool_judge.ratio(tool, scores) - self._small_talk_ratio(tool) for tool in tools}
        log.debug("margins %s", margins)
        possible = tool_judge.possible(tools, margins, said)
        if not possible:
            return []
        conversation = " ".join(str(m.get("content") or "") for m in messages if m.get("role") != "tool")
        tokens = list(self._prompt.reply_tokens(messages, in_openai_form(tools)))

        def is_founded(tool: Tool, call: WrittenCall, earlier: Sequence[WrittenCall]) -> bool:
            if earlier:
                return margins[tool.name] > tool_judge.needed_further(call, earlier, said)
            return margins[tool.name] > tool_judge.NEEDED[tool_judge.basis(tool, call.arguments, said, conversation)]

        async with self._writing:
            return await self._write(tokens, possible, is_founded)

    async def _write(
        self,
        tokens: list[int],
        possible: Sequence[Tool],
        is_founded: Callable[[Tool, WrittenCall, Sequence[WrittenCall]], bool],
    ) -> list[WrittenCall]:
        """The model's calls of tools that may be wanted, the first of them first. Another call follows while the model would
        begin one; it is of the same tool, unless that would add nothing and another tool may be wanted, too."""
        calls: list[WrittenCall] = []
        left = list(possible)
        while left and len(calls) < MOST_CALLS:
            tool = left[0]
            head = [*tokens, *self._prompt.call_tokens(tool.name, first=not calls)]
            text = await self._arguments(head, tool)
            call = None if text is None else WrittenCall(tool.name, json.loads(text))
            if text is None or call is None or not is_founded(tool, call, calls):
                left.pop(0)
                continue
            calls.append(call)
            end, another = self._prompt.call_end_tokens()
            tokens = [*head, *self._prompt.plain_tokens(text), *end]
            if not await self._would_write(tokens, another):
                break
        return calls

    async def _would_write(self, tokens: list[int], token: int) -> bool:
        peek = Peek(self._vocabulary.n_tokens)
        await Run(self._scheduler, Job(self._calling, list(tokens), peek, 1)).to_end()
        return peek.likeliest == token

    async def _prepare(self, tools: Sequence[Tool]) -> None:
        """Know how small talk scores, for each of the tools. Takes about half a second a tool, once: who comes while it is
        under way waits for it."""
        async with self._preparing:
            for said, scores in self._small_talk.items():
                if missing := [text for text in _texts(tools) if text not in scores]:
                    scores |= await self._score(missing, said + tool_judge.END, urgent=False)

    def _small_talk_ratio(self, tool: Tool) -> float:
        """The highest that small talk has."""
        return max(tool_judge.ratio(tool, scores) for scores in self._small_talk.values())

    async def _score(self, texts: Sequence[str], words: str, *, urgent: bool) -> dict[str, float]:
        """How likely `words` are behind each of the texts."""
        scores: dict[str, float] = {}
        async with self._judging:
            for start in range(0, len(texts), len(self._sequences)):
                wave = texts[start : start + len(self._sequences)]
                runs = [self._run(text, words, urgent=urgent) for text in wave]
                try:
                    for text, run in zip(wave, runs, strict=True):
                        await run.to_end()
                        scores[text] = run.log_probability
                finally:
                    for run in runs:
                        run.cancel()
        return scores

    def _run(self, text: str, words: str, *, urgent: bool) -> Run:
        before = [token for token in [self._vocabulary.bos_to_add] if token is not None]
        before += self._prompt.plain_tokens(text)
        tokens = [*before, *self._prompt.plain_tokens(words)]
        return Run(self._scheduler, Job(self._place(text), tokens, score_from=len(before), urgent=urgent))

    def _place(self, text: str) -> int:
        if text in self._places:
            place = self._places.pop(text)
        elif len(self._places) < len(self._sequences):
            place = next(each for each in self._sequences if each not in self._places.values())
        else:
            place = self._places.pop(next(iter(self._places)))
        self._places[text] = place
        return place

    async def _arguments(self, head: list[int], tool: Tool) -> str | None:
        """As JSON. None if the model does not come to an end with them."""
        start = certain_start(tool.parameters)
        if end_of_json(start, 1) > 0:
            return start
        written = self._prompt.plain_tokens(start)
        grammar = GrammarSampler(self._vocabulary.pointer, grammar_of(tool.parameters), self._vocabulary.n_tokens)
        for token in written:
            grammar.accept(token)
        run = Run(self._scheduler, Job(self._calling, [*head, *written], grammar, MOST_CALL_TOKENS))
        text = start
        try:
            async for piece in run:
                text += piece
                if (end := end_of_json(text, 1)) > 0:
                    return text[:end]
        finally:
            run.cancel()
        log.warning("%s: the arguments of a call did not end", tool.name)
        return None


def in_openai_form(tools: Sequence[Tool]) -> list[dict[str, object]] | None:
    """As the model is shown the tools."""
    return [without_examples(tool).to_openai() for tool in tools] or None


def _texts(tools: Sequence[Tool]) -> list[str]:
    return [*tool_judge.TALK, *dict.fromkeys(map(tool_judge.asks_for, tools))]


def _said(messages: Sequence[Message]) -> str:
    """The person's words, if they spoke last; of a message in parts, those of its text."""
    if not messages or messages[-1].get("role") != "user":
        return ""
    content = messages[-1].get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict)).strip()
    return str(content or "").strip()
