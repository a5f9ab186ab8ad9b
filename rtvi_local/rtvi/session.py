"""One client's RTVI session: what it says is parsed, checked and done; what happens is told to it in its own dialect."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from rtvi_local import __version__
from rtvi_local.config import Messages
from rtvi_local.errors import UserError
from rtvi_local.rtvi.chunks import TooLarge, fitting
from rtvi_local.rtvi.jobs import as_task
from rtvi_local.rtvi.messages import LABEL, Message
from rtvi_local.rtvi.messages.from_client import AppendToContext, ClientMessage, ClientReady, DisconnectBot, SendText
from rtvi_local.rtvi.messages.session import (
    AppendToContextResult,
    BotReady,
    Capabilities,
    Error,
    ErrorResponse,
    ServerResponse,
)
from rtvi_local.rtvi.messages.ui import UiJobGroup
from rtvi_local.rtvi.messages.user import UserInput
from rtvi_local.rtvi.negotiation import Dialect, negotiate
from rtvi_local.rtvi.observer import Observer, utc_now
from rtvi_local.rtvi.parsing import Incoming, InvalidMessage, parse

logger = logging.getLogger(__name__)

ABOUT = {"library": "rtvi-local", "library_version": __version__}
MAX_QUEUED = 100
"""Messages kept while the models still load. A client sends a handful then."""
_REMEMBERED_IDS = 1000

M = TypeVar("M", bound=Message)
RequestHandler = Callable[[Any], Any]
"""Answers a `client-message`: takes its `d`, returns the response's `d`. May be a coroutine function."""


class Commands(Protocol):
    """What a client may ask of its conversation. Called on the event loop; all return at once. Whatever they raise is told
    to the client, and the session goes on."""

    def client_ready(self) -> None:
        """The client has its bot-ready: a greeting may be spoken now."""
        ...

    def send_text(self, text: str, *, run_immediately: bool, speak_reply: bool) -> None:
        """Add what the user typed to the context, and answer it if asked to. The frame of an interruption that this causes
        must have been observed on return: the acknowledgment follows it."""
        ...

    def append_to_context(self, role: str, content: object, *, run_immediately: bool) -> None:
        """Add a message; with `run_immediately` interrupt and have the model answer."""
        ...

    def end(self, reason: str) -> None:
        """End the conversation gracefully."""
        ...


class RtviSession:
    """`receive` every text that the client sends and `observe` every frame that any stage emits; `send` gets the replies.

    A feature adds what it understands with `on`, and application requests with `requests`; nothing here changes for it.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        commands: Commands,
        *,
        capabilities: Callable[[], Capabilities],
        max_message_bytes: int = 65_536,
        now: Callable[[], datetime] = utc_now,
        requests: Mapping[str, RequestHandler] | None = None,
    ) -> None:
        self._send_text = send
        self._commands = commands
        self._capabilities = capabilities
        self._max_message_bytes = max_message_bytes
        self._now = now
        self._requests = dict(requests or {})
        self._handlers: dict[type[Message], Callable[[Any, str | None], Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._label = LABEL
        self.legacy_config: Callable[[], list[Any]] = list
        """What a 0.x client's bot-ready carries."""
        self._queued: deque[Incoming] = deque()
        """What arrived too early."""
        self._held = 1
        """How much has to happen before the next message is handled: to begin with, that the appliance is ready."""
        self._seen_ids: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED_IDS)
        self._observer = Observer(self.send, now)
        self.observe = self._observer.observe
        self.about_client: Mapping[str, Any] = {"library": "unknown"}
        self.on(ClientReady, self._client_ready)
        self.on(SendText, self._text)
        self.on(AppendToContext, self._append)
        self.on(DisconnectBot, self._disconnect)
        self.on(ClientMessage, self._request)

    @property
    def dialect(self) -> Dialect:
        """How the client wants to be spoken to; the newest protocol until it has said what it is."""
        return self._observer.dialect

    def tell_also(self, wanted: Messages) -> None:
        """Send these messages too, which clients get only if they ask for them."""
        self._observer.wanted = wanted

    def on(self, kind: type[M], handler: Callable[[M, str | None], Any]) -> None:
        """Have messages of this kind handled; the second argument is the id to answer to. Replaces the handler before. What
        a handler returns is nothing, or a coroutine with work that takes longer."""
        self._handlers[kind] = handler

    def on_request(self, t: str, handler: RequestHandler) -> None:
        """Have a `client-message` of this kind answered. Replaces the handler before."""
        self._requests[t] = handler

    def send(self, message: Message, id: str | None = None) -> None:
        """Send it, in chunks if it must be and can be; otherwise the client is told why it gets nothing."""
        if isinstance(message, UiJobGroup) and self.dialect.jobs_are_tasks:
            message = as_task(message)
        try:
            for text in fitting(message, id, label=self._label):
                self._send_text(text)
        except TooLarge as error:
            self.refuse(str(error), id)

    async def close(self) -> None:
        """End the work that requests started."""
        self._queued.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refuse(self, text: str, id: str | None) -> None:
        """Tell the client that what it sent did not work: as the response to its request, if the request can be named."""
        if id is None:
            self.send(Error.saying(text))
        else:
            self.send(ErrorResponse.saying(text), id)

    def ready(self) -> None:
        """The appliance can talk now: what the client sent meanwhile is handled, in order."""
        self._held -= 1
        while self._queued and not self._held:
            self._handle(self._queued.popleft())

    def holding(self, work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """This work, to be returned by a handler; from now on until it is done, later messages wait."""
        self._held += 1

        async def held() -> None:
            try:
                await work
            finally:
                # Whoever awaits this says first what went wrong.
                asyncio.get_running_loop().call_soon(self.ready)

        return held()

    def receive(self, text: str) -> None:
        """One message, as the client sent it."""
        try:
            incoming = parse(text, self._max_message_bytes)
        except InvalidMessage as error:
            self.refuse(error.text, error.id)
            return
        if incoming is None:
            return
        self._label = incoming.label
        if not self._held and not self._queued:
            self._handle(incoming)
        elif len(self._queued) < MAX_QUEUED:
            self._queued.append(incoming)
        else:
            self.refuse("The bot is not ready yet, and this is more than can be kept for it", incoming.id)

    def _handle(self, incoming: Incoming) -> None:
        message, id = incoming.message, incoming.id
        if self._is_duplicate(message, id):
            self.refuse(f"Duplicate message id {id}: this {message.type} was handled already", id)
            return
        handler = self._handlers.get(type(message))
        if handler is None:
            self.refuse(f"{message.type} is not supported by this appliance", id)
            return
        try:
            work = handler(message, id)
        except Exception as error:
            self._failed(message, error, id)
            return
        if inspect.iscoroutine(work):
            task = asyncio.create_task(self._finish(work, message, id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # A task that is cancelled before its first step never awaits what it was given.
            task.add_done_callback(lambda _: work.close())

    async def _finish(self, work: Coroutine[Any, Any, None], message: Message, id: str | None) -> None:
        try:
            await work
        except Exception as error:
            self._failed(message, error, id)

    def _failed(self, message: Message, error: Exception, id: str | None) -> None:
        if isinstance(error, UserError):
            self.refuse(str(error), id)
            return
        # Only the kind of error: its text may hold what the user wrote.
        logger.error("handling %s failed with %s", message.type, type(error).__name__)
        logger.debug("what failed", exc_info=error)
        self.refuse(f"Exception processing message: {error}", id)

    def _is_duplicate(self, message: Message, id: str | None) -> bool:
        """A resent message must not be answered twice. Ids count per type: mobile clients answer a function call under the
        id of the call, and simple ones number each kind for itself."""
        if id is None:
            return False
        key = (message.type, id)
        if key in self._seen_ids:
            return True
        self._seen_ids.append(key)
        return False

    # --- what clients say ----------------------------------------------------------------------------------------------

    def _client_ready(self, message: ClientReady, id: str | None) -> None:
        if isinstance(message.about, dict) and isinstance(message.about.get("library"), str):
            self.about_client = message.about
        dialect = negotiate(message.version, message.about)
        self._observer.dialect = dialect
        if dialect.advisory is not None:
            self.refuse(dialect.advisory, id)
        config: list[Any] | None = self.legacy_config() if dialect.is_0_x else None
        answer = BotReady(dialect.bot_ready_version, ABOUT, self._capabilities(), config)
        self.send(answer, id or uuid.uuid4().hex[:8])
        self._commands.client_ready()

    def _text(self, message: SendText, id: str | None) -> None:
        self._commands.send_text(message.content, run_immediately=message.run_immediately, speak_reply=message.audio_response)
        timestamp = self._now().isoformat(timespec="milliseconds")
        self.send(UserInput(message.content, "chat", timestamp, True, msg_id=id))

    def _append(self, message: AppendToContext, id: str | None) -> None:
        self._commands.append_to_context(message.role, message.content, run_immediately=message.run_immediately is True)
        if self.dialect.appended_is_response:
            self.send(ServerResponse(message.type, result="success"), id)
        else:
            self.send(AppendToContextResult("success"), id)

    def _disconnect(self, message: DisconnectBot, id: str | None) -> None:
        del message, id
        self._commands.end("the client asked for it")

    def _request(self, message: ClientMessage, id: str | None) -> Coroutine[Any, Any, None] | None:
        handler = self._requests.get(message.t)
        if handler is None:
            self.refuse(f"No handler for client message {message.t[:100]}", id)
            return None
        if inspect.iscoroutinefunction(handler):
            return self._respond(message, handler, id)
        self.send(ServerResponse(message.t, handler(message.d)), id)
        return None

    async def _respond(self, message: ClientMessage, handler: RequestHandler, id: str | None) -> None:
        self.send(ServerResponse(message.t, await handler(message.d)), id)
