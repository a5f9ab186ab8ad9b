"""The tools that the appliance has itself. Adding one is adding a file, and its name here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtvi_local.tools.tool import Arguments, Tool, ToolError

if TYPE_CHECKING:
    from rtvi_local.rtvi.messages.from_client import UiTree


@dataclass(frozen=True)
class Host:
    """What a builtin tool may do to its conversation. All of it on the event loop."""

    say: Callable[[str], None]
    """Speak these words as soon as nobody speaks."""
    later: Callable[[float, Callable[[], None], str], None]
    """Do something after so many seconds, unless the conversation is over by then. The client sees it under this label, and
    may cancel it."""
    end_after_reply: Callable[[], None]
    """End the conversation when what answers this call has been heard."""
    set_volume: Callable[[float], None]
    """How loud the voice is, 0 … 1, from now on."""
    look: Callable[[], Awaitable[object]]
    """What the camera shows now: content of a message. Raises UserError, which says why there is none."""
    page: Callable[[], UiTree | None]
    """The newest `ui-snapshot` of the client's page, if it has sent one."""
    command: Callable[[str, object], None]
    """Have the client's page do something: a command of `ui-command`, and its payload."""


@dataclass(frozen=True)
class Builtin:
    tool: Tool
    run: Callable[[Arguments, Host], Awaitable[object]]
    """Returns what the model is told (see `as_content`). Raises ToolError with a text for the model. Cancelled when the person
    interrupts."""


def find_builtin(name: str) -> Builtin:
    """Raises ToolError."""
    known = builtins()
    if name not in known:
        raise ToolError(f"There is no builtin tool {name[:60]!r}. The builtin tools are: {', '.join(known)}.")
    return known[name]


def builtins() -> Mapping[str, Builtin]:
    """All of them by name."""
    from rtvi_local.tools import act_on_page, camera_frame, current_time, end_conversation, read_page, timer, volume

    modules = (current_time, timer, end_conversation, volume, camera_frame, read_page, act_on_page)
    return {module.BUILTIN.tool.name: module.BUILTIN for module in modules}
