"""`act_on_page`: RTVI's standard commands for the client's page."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.page import checked_ref
from rtvi_local.tools.tool import Arguments, Tool, ToolError

_WITH_TEXT = {"toast": "title", "navigate": "view"}
"""Command → what its text is called."""
_ON_ELEMENT = ("click", "focus", "highlight", "scroll_to", "select_text", "set_input_value")


async def run(arguments: Arguments, host: Host) -> str:
    command, text = str(arguments.get("command")), str(arguments.get("text") or "")
    if command in _WITH_TEXT:
        if not text:
            raise ToolError(f"{command} needs a text.")
        payload = {_WITH_TEXT[command]: text}
    elif command in _ON_ELEMENT:
        payload = {"ref": checked_ref(host.page(), arguments.get("ref"))}
        if command == "set_input_value":
            payload["value"] = text
    else:
        raise ToolError(f"command must be one of {', '.join((*_WITH_TEXT, *_ON_ELEMENT))}.")
    host.command(command, payload)
    # A client does not answer commands: whether it did what it was asked to, only the next look at its page can tell.
    return f"The page was told: {command}."


BUILTIN = Builtin(
    Tool(
        "act_on_page",
        "Does something on the user's screen: clicks a button, fills in a field, scrolls, highlights, shows a note",
        {
            "type": "object",
            "properties": {
                "command": {"type": "string", "enum": [*_WITH_TEXT, *_ON_ELEMENT]},
                "ref": {"type": "string", "description": "The element, as read_page calls it in [brackets]"},
                "text": {"type": "string", "description": "The note, the view, or what to fill in"},
            },
            "required": ["command"],
        },
    ),
    run,
)
