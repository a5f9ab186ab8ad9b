"""The language model: Prompt in, the reply's tokens out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import ClassVar, Literal

from rtvi_local.config import Llm as LlmSettings
from rtvi_local.engines.interfaces import Message, ModelSession
from rtvi_local.pipeline.frames import (
    Condense,
    Condensed,
    Configured,
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
)
from rtvi_local.pipeline.stage import Stage

log = logging.getLogger(__name__)


class Llm(Stage):
    """Answers the newest prompt. One inference at a time: a newer prompt, or the death of its revision, ends the one before."""

    name: ClassVar[str] = "llm"

    def __init__(self, session: ModelSession, model_name: str, settings: LlmSettings) -> None:
        super().__init__()
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
            case Prompt():
                previous = self._cancel()
                self._revision = frame.revision
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
            await self._session.prefill(messages)
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
        loop = asyncio.get_running_loop()
        began = loop.time()
        first = True
        self.emit(ReplyStarted(prompt.revision, prompt.speak_reply))
        if prompt.say is not None:
            self.emit(ReplyToken(prompt.say, prompt.revision))
            self.emit(ReplyEnded(prompt.revision))
            return
        tokens = self._session.reply(
            prompt.messages, max_tokens=self._settings.max_tokens, temperature=self._settings.temperature
        )
        try:
            async with contextlib.aclosing(tokens):
                async for text in tokens:
                    if first:
                        self._measure("ttfb", loop.time() - began, prompt.revision)
                        first = False
                    self.emit(ReplyToken(text, prompt.revision))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("the language model failed")
            self.emit(Failed(f"The language model could not answer ({type(error).__name__}). Please try again."))
        self._measure("processing", loop.time() - began, prompt.revision)
        self.emit(ReplyEnded(prompt.revision))

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

    def _measure(self, kind: Literal["ttfb", "processing"], value_s: float, revision: int) -> None:
        self.emit(Measured("llm", kind, value_s, self._model_name, revision))


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
