"""`get_current_time`."""

from __future__ import annotations

from datetime import datetime

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.tool import Arguments, Tool


async def run(arguments: Arguments, host: Host) -> str:
    del arguments, host
    return spoken_time(datetime.now())


def spoken_time(now: datetime) -> str:
    """In words that a model repeats rightly: "3:05 PM on Thursday, 26 November 2026"."""
    hour = now.hour % 12 or 12
    half = "AM" if now.hour < 12 else "PM"
    return f"It is {hour}:{now.minute:02} {half} on {now:%A}, {now.day} {now:%B %Y}."


BUILTIN = Builtin(Tool("get_current_time", "Tells what time it is now, the date, and the day of the week"), run)
