"""The language model: Prompt in, the reply's tokens out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import ClassVar, Literal

from rtvi_local.config import Llm as LlmSettings
from rtvi_local.engines.interfaces import Message, ModelSession, TokenCounts
from rtvi_local.engines.sampling import Sampling
from rtvi_local.pipeline.frames import (
    Condense,
    Condensed,
    Configured,
    EndOfWords,
    Failed,
    Frame,
    Interrupted,
    Measured,
    Prompt,
    PromptAhead,
    ReplyEnded,
    ReplyStarted,
    ReplyToken,
    Superseded,
    TurnCommitted,
    Used,
)
from rtvi_local.pipeline.stage import Stage
from rtvi_local.stages.tool_rounds import ToolRounds, distinct
from rtvi_local.tools.calls_in_text import CallsInText
from rtvi_local.tools.tool import WrittenCall
from rtvi_local.tools.toolbox import Toolbox

log = logging.getLogger(__name__)


MOST_ROUNDS = 4
"""So often in a row may a reply call tools before it has to say something."""


class Llm(Stage):
    """Answers the newest prompt, calling tools where the model wants to. One inference at a time: a newer prompt, or the death
    of its revision, ends the one before."""

    name: ClassVar[str] = "llm"

    def __init__(self, session: ModelSession, model_name: str, settings: LlmSettings, toolbox: Toolbox) -> None:
        super().__init__()
        self._toolbox = toolbox
        self._rounds = ToolRounds(toolbox, lambda frame: self.emit(frame))
        self._committed = asyncio.Event()
        """The turn that is being answered is over: what is called now may do something."""
        self._end_is_open = False
        """What the model thinks of the words' end matters."""
        self._session = session
        self._model_name = model_name
        self._settings = settings
        self._reply: asyncio.Task[None] | None = None
        self._revision = 0
        self._reading: set[asyncio.Task[None]] = set()
        self._condensing: asyncio.Task[None] | None = None
        self._next: tuple[ModelSession, str] | None = None
        """The session to use, and its model's name, as soon as nothing runs in the one before."""

    def receive(self, frame: Frame) -> None:
        self.forward(frame)
        match frame:
            case Configured(config, engines, session):
                self._configure(config.llm, session, engines.language_model.model_name)
            case Condense():
                if not self._is_busy:
                    self._condensing = asyncio.create_task(self._condense(frame))
            case PromptAhead(messages):
                self._read_ahead(messages)
            case TurnCommitted(revision, _, provisional) if revision == self._revision:
                self._committed.set()
                self._end_is_open = provisional
            case Prompt():
                previous = self._cancel()
                self._revision = frame.revision
                self._committed.clear()
                self._end_is_open = True
                self._reply = asyncio.create_task(self._answer(frame, previous))
            case Superseded(revision) | Interrupted(revision) if revision >= self._revision:
                self._cancel()
            case _:
                pass

    async def close(self) -> None:
        await _ended([*self._cancel(), *self._reading])
        self._exchange_session()
        self._session.close()

    @property
    def _is_busy(self) -> bool:
        return bool(self._reading) or any(task is not None and not task.done() for task in (self._reply, self._condensing))

    def _give_up_condensing(self) -> None:
        if self._condensing is not None:
            self._condensing.cancel()

    def _cancel(self) -> list[asyncio.Task[None]]:
        """Stop the reply under way, or the summary; returns what has to be waited for before the next one starts."""
        running = [task for task in (self._reply, self._condensing) if task is not None and not task.done()]
        for task in running:
            task.cancel()
        return running

    def _configure(self, settings: LlmSettings, session: ModelSession, model_name: str) -> None:
        self._settings = settings
        if self._next is not None and self._next[0] is not session:
            self._next[0].close()
            self._next = None
        if session is not self._session:
            self._next = session, model_name
            if not self._is_busy:
                self._exchange_session()

    def _exchange_session(self) -> None:
        """To be called when nothing runs in the session."""
        if self._next is not None:
            self._session.close()
            (self._session, self._model_name), self._next = self._next, None

    def _read_ahead(self, messages: tuple[Message, ...]) -> None:
        """Only where nobody waits for it: a reply that is still being written has the session to itself. A newer call, or a
        reply, takes over what an older one has read, so none is ever cancelled."""
        if self._reply is None or self._reply.done():
            self._give_up_condensing()  # somebody speaks: a summary can wait, a person cannot
            if not self._is_busy:
                self._exchange_session()
            task = asyncio.create_task(self._read(messages))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, messages: tuple[Message, ...]) -> None:
        try:
            await self._session.prefill(messages, self._toolbox.tools)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The reply itself will meet the same trouble and say so.
            log.debug("reading ahead failed", exc_info=True)

    async def _answer(self, prompt: Prompt, previous: list[asyncio.Task[None]]) -> None:
        # The engine has one place for this conversation: what was there must have left it.
        await _ended(previous)
        if self._next is not None:
            for reading in list(self._reading):
                reading.cancel()  # what it reads, it reads into a session that is given up
            await _ended(list(self._reading))
            self._exchange_session()
        if prompt.say is not None:
            self.emit(ReplyStarted(prompt.revision, prompt.speak_reply, prompt.language))
            self.emit(ReplyToken(prompt.say, prompt.revision))
            self.emit(ReplyEnded(prompt.revision))
            return
        messages, made = list(prompt.messages), list[WrittenCall]()
        for number in range(MOST_ROUNDS + 1):
            wanted = await self._infer(messages, prompt, made, may_call=number < MOST_ROUNDS)
            self.emit(ReplyEnded(prompt.revision, final=not wanted))
            if not wanted:
                return
            await self._committed.wait()
            made += wanted
            messages += await self._rounds.carry_out(wanted, prompt.revision, speaks=prompt.speak_reply)

    async def _infer(
        self, messages: list[Message], prompt: Prompt, made: list[WrittenCall], *, may_call: bool
    ) -> list[WrittenCall]:
        """One inference: text goes out as it comes, calls are returned."""
        loop = asyncio.get_running_loop()
        began, revision = loop.time(), prompt.revision
        first = True
        self.emit(ReplyStarted(revision, prompt.speak_reply, prompt.language))
        tools = self._toolbox.tools
        calls: list[WrittenCall] = []
        try:
            if tools and may_call:
                calls = distinct(await self._session.calls(messages, tools), made)
            if not calls:
                pieces = self._session.reply(
                    messages,
                    max_tokens=self._settings.max_tokens,
                    temperature=self._settings.temperature,
                    sampling=_sampling(self._settings),
                    tools=tools,
                    on_ending=(lambda value: self.emit(EndOfWords(value, revision)))
                    if self._end_is_open and not made
                    else None,
                )
                written = CallsInText([tool.name for tool in tools])
                async with contextlib.aclosing(pieces):
                    async for text in pieces:
                        if first:
                            self._measure("ttfb", loop.time() - began, revision)
                            first_s = self._session.first_text_ms / 1000
                            self.emit(Measured("llm.first_token", "processing", first_s, self._model_name, revision))
                            first = False
                        calls += self._say(written.push(text), revision)
                calls += self._say(written.flush(), revision)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("the language model failed")
            self.emit(Failed(f"The language model could not answer ({type(error).__name__}). Please try again."))
        self._measure("processing", loop.time() - began, revision)
        if not first:
            self._count(self._session.token_counts, revision)
        return distinct(calls, made) if may_call else []

    def _say(self, pieces: Sequence[str | WrittenCall], revision: int) -> list[WrittenCall]:
        """Text goes out; the calls among it are returned."""
        for piece in pieces:
            if isinstance(piece, str):
                self.emit(ReplyToken(piece, revision))
        return [piece for piece in pieces if isinstance(piece, WrittenCall)]

    async def _condense(self, frame: Condense) -> None:
        """Not at all random: a summary that invents is worse than none."""
        tokens = self._session.reply(frame.messages, max_tokens=frame.max_tokens, temperature=0.0)
        pieces: list[str] = []
        try:
            async with contextlib.aclosing(tokens):
                async for text in tokens:
                    pieces.append(text)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The conversation is not told: without a summary the oldest turns are left out, as ever.
            log.debug("summing up failed", exc_info=True)
            return
        if summary := "".join(pieces).strip():
            self.emit(Condensed(summary))

    def _count(self, tokens: TokenCounts, revision: int) -> None:
        amounts = {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": tokens.written,
            "cache_read_input_tokens": tokens.cached,
        }
        self.emit(Used("llm", amounts, self._model_name, revision))

    def _measure(self, kind: Literal["ttfb", "processing"], value_s: float, revision: int) -> None:
        self.emit(Measured("llm", kind, value_s, self._model_name, revision))


def _sampling(settings: LlmSettings) -> Sampling:
    return Sampling(settings.top_k, settings.top_p, settings.repeat_penalty, settings.seed)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
