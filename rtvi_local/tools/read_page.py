"""`read_page`."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.page import outline
from rtvi_local.tools.tool import Arguments, Tool, ToolError


async def run(arguments: Arguments, host: Host) -> str:
    del arguments
    tree = host.page()
    if tree is None:
        raise ToolError("The user's page has not been shown to you. Say so, and don't invent what is on it.")
    return outline(tree)


BUILTIN = Builtin(Tool("read_page", "Reads what is on the user's screen now: the page's texts, fields and buttons"), run)
