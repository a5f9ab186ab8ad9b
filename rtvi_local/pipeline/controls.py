"""What a client may do to its conversation besides talking: its context, and words that the bot shall say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rtvi_local.pipeline.context import Context, Message
from rtvi_local.pipeline.frames import Frame, ReplyDelivered, TurnDropped
from rtvi_local.pipeline.turn_states import Idle, Listening
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing
from rtvi_local.stages.push_to_talk import PushToTalk
from rtvi_local.tools.tool import Tool

if TYPE_CHECKING:
    from rtvi_local.rtvi.messages.from_client import UiTree

_LONGEST_NOTE_CHARS = 2000
MOST_WAITING = 32


class Controls:
    """What interrupts happens at once; what does not waits until nobody speaks and nothing is being answered."""

    def __init__(self, context: Context, turns: PhraseEndpointing, button: PushToTalk) -> None:
        self._context = context
        self._turns = turns
        self.button = button
        self._waiting: list[Callable[[], None]] = []
        self.tools: Callable[[], Sequence[Tool]] = tuple
        """What the model is told of beside the context."""
        self.snapshot: UiTree | None = None
        """The newest picture of the client's page (ui-snapshot), for tools to look at."""

    def observe(self, frame: Frame) -> None:
        if isinstance(frame, (ReplyDelivered, TurnDropped)) and self._waiting:
            # Not in the middle of the effects that this frame belongs to.
            asyncio.get_running_loop().call_soon(self._do_next)

    @property
    def is_idle(self) -> bool:
        return isinstance(self._turns.state, Idle)

    @property
    def is_answering(self) -> bool:
        """From the suspicion that somebody has said what they want to say until they have been answered."""
        return not isinstance(self._turns.state, (Idle, Listening))

    def send_text(self, text: str, *, run_immediately: bool, speak_reply: bool) -> None:
        if run_immediately:
            self._turns.type_text(text, speak_reply=speak_reply)
        else:
            self._context.append("user", text)

    def give(self, content: object, *, run_immediately: bool, speak_reply: bool) -> None:
        """Add what the user shows, as the content of a message of theirs; with `run_immediately` the bot is interrupted and the
        model answers it."""
        if run_immediately:
            self._turns.hush()
        self._context.append("user", content)
        if run_immediately:
            self._turns.type_text("", speak_reply=speak_reply)

    def append(self, messages: Sequence[Message], *, run_immediately: bool) -> None:
        """Add messages; with `run_immediately` interrupt the bot and have it answer them."""
        if run_immediately:
            self._turns.hush()  # what of the interrupted reply was heard is remembered before them
        for message in messages:
            extra = {key: value for key, value in message.items() if key not in ("role", "content")}
            if extra:
                self._context.messages.append(message)
            else:
                self._context.append(str(message["role"]), message.get("content"))
        if run_immediately:
            self.run(interrupt=True)

    def set(self, messages: Sequence[Message], *, run_immediately: bool = False) -> None:
        """Hold these messages, and the system prompt, instead of all others. A reply under way goes on, but for
        `run_immediately`."""
        if run_immediately:
            self._turns.hush()
        self._context.set(messages)
        if run_immediately:
            self.run(interrupt=True)

    def clear(self) -> None:
        """Forget what was said; what is being said now is cut off, lest it be remembered."""
        self._turns.hush()
        self._context.clear()

    def run(self, *, interrupt: bool = True) -> None:
        """Have the model go on from what the context holds."""
        self._do(lambda: self._turns.type_text("", speak_reply=True), interrupt)

    def say(self, text: str, *, interrupt: bool = False) -> None:
        """Speak these words; they are remembered like a reply."""
        self._do(lambda: self._turns.type_text("", speak_reply=True, say=text), interrupt)

    def interrupt(self) -> None:
        self._waiting.clear()
        self._turns.hush()

    def note(self, text: str) -> None:
        """Something that the model shall know of, from outside the conversation."""
        self._context.append("user", f"({text[:_LONGEST_NOTE_CHARS]})")

    def _do(self, action: Callable[[], None], interrupt: bool) -> None:
        if interrupt or self.is_idle:
            action()
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(action)
        else:
            raise ValueError(f"{MOST_WAITING} things wait to be said already")

    def _do_next(self) -> None:
        if self._waiting and self.is_idle:
            self._waiting.pop(0)()
