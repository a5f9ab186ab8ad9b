"""`get_camera_frame`."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.tool import Arguments, Tool


async def run(arguments: Arguments, host: Host) -> object:
    del arguments
    return await host.look()


BUILTIN = Builtin(Tool("get_camera_frame", "Looks through the user's camera: what is to be seen now"), run)
