"""`set_volume`."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.tool import Arguments, Tool, ToolError


async def run(arguments: Arguments, host: Host) -> str:
    percent = arguments.get("percent")
    if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 <= percent <= 100:
        raise ToolError("percent must be a number from 0 to 100.")
    host.set_volume(percent / 100)
    return f"The volume is {percent:g} percent now."


BUILTIN = Builtin(
    Tool(
        "set_volume",
        "Changes how loud the assistant's voice is: louder, quieter or to a given level",
        {
            "type": "object",
            "properties": {
                "percent": {"type": "integer", "minimum": 0, "maximum": 100, "description": "0 is silent, 100 is loudest"}
            },
            "required": ["percent"],
        },
    ),
    run,
)
