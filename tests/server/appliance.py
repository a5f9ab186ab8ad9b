"""An appliance for tests: it remembers what it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rtvi_local.pipeline.frames import Frame
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.appliance import TooManyConversations, UnusableRequest
from rtvi_local.transports.interface import Transport


@dataclass
class FakeConversation:
    transport: Transport
    request_data: dict[str, Any]
    messages: list[str] = field(default_factory=list)
    samples: int = 0
    closed: list[str] = field(default_factory=list)
    is_asleep = False

    def on_audio(self, samples: npt.NDArray[np.int16], at_ms: float) -> None:
        self.samples += len(samples)

    def on_message(self, text: str) -> None:
        self.messages.append(text)
        self.transport.send_message(text)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)

    def observe_with(self, observer: Callable[[Frame], None]) -> None:
        """Nothing happens in it."""


@dataclass
class FakeAppliance:
    missing: list[str] = field(default_factory=list)
    files: FileRules = field(default_factory=FileRules)
    most: int = 4
    opened: list[FakeConversation] = field(default_factory=list)
    unusable: str = ""
    """What is wrong with every request."""

    @property
    def conversations(self) -> int:
        return sum(not conversation.closed for conversation in self.opened)

    def is_idle(self) -> bool:
        return not self.conversations

    def is_answering(self) -> bool:
        return False

    def ready(self) -> Sequence[str]:
        return self.missing

    def check(self, request_data: dict[str, Any]) -> None:
        if self.unusable:
            raise UnusableRequest(self.unusable)

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> FakeConversation:
        if self.conversations >= self.most:
            raise TooManyConversations(f"{self.most} conversations are going on")
        self.check(request_data)
        conversation = FakeConversation(transport, request_data)
        self.opened.append(conversation)
        return conversation
