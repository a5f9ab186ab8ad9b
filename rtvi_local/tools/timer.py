"""`set_timer`: speaks when it ends."""

from __future__ import annotations

from rtvi_local.tools.builtin import Builtin, Host
from rtvi_local.tools.tool import Arguments, Tool, ToolError

_LONGEST_S = 24 * 3600
_UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600}


async def run(arguments: Arguments, host: Host) -> str:
    amount, unit = arguments.get("amount"), str(arguments.get("unit") or "minutes")
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or unit not in _UNITS_S:
        raise ToolError("amount must be a number and unit one of seconds, minutes, hours.")
    duration_s = float(amount) * _UNITS_S[unit]
    if not 1 <= duration_s <= _LONGEST_S:
        raise ToolError("A timer runs for at least one second and at most a day.")
    words = in_words(amount, unit)
    host.later(duration_s, lambda: host.say(f"Your timer for {words} is up."), f"Timer for {words}")
    return f"A timer for {words} runs now. It will ring by itself."


def in_words(amount: float, unit: str) -> str:
    return f"{amount:g} {unit[:-1] if amount == 1 else unit}"


BUILTIN = Builtin(
    Tool(
        "set_timer",
        "Starts a timer or countdown that rings after a given time",
        {
            "type": "object",
            "properties": {
                "amount": {"type": "number", "description": "How many, e.g. 5"},
                "unit": {"type": "string", "enum": list(_UNITS_S)},
            },
            "required": ["amount", "unit"],
        },
    ),
    run,
)
