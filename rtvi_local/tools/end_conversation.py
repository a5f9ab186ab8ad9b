"""`end_conversation`."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.tool import Arguments, Tool


async def run(arguments: Arguments, host: Host) -> str:
    del arguments
    host.end_after_reply()
    return "The conversation ends now. Say goodbye in a few words."


BUILTIN = Builtin(
    Tool("end_conversation", "Ends this conversation and hangs up, when the user says goodbye or asks for it"), run
)
