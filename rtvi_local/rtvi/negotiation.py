"""Which RTVI a client speaks, judged from its `client-ready`. Pure; the rules are those of the protocol's table of versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PROTOCOL_VERSION = "2.2.0"
LEGACY_VERSION = "0.3.0"
"""What 0.x clients are told; they never check it."""

Version = tuple[int, int, int]
_UNKNOWN: Version = (0, 0, 0)
_NEWEST: Version = (10**9, 0, 0)
_MOBILE_LIBRARIES = ("pipecat-client-ios", "Pipecat Android Client")
_JAVASCRIPT_LIBRARY = "@pipecat-ai/client-js"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak to one client."""

    bot_ready_version: str = PROTOCOL_VERSION
    bot_output: Literal["segments", "spoken-flag", "none"] = "segments"
    """2.x: segments with progress. 1.x: a text and whether it was spoken. 0.x does not know the message."""
    function_calls: Literal["in-progress", "call"] = "in-progress"
    """Which message makes the client run a function. Never both: newer JavaScript clients would run it twice."""
    appended_is_response: bool = False
    """client-js before 1.4 waits for a `server-response` after `append-to-context`, for ever if it must."""
    is_2_2: bool = False
    """Backchannels and raw-text messages go only to clients that announced 2.2.0 or more."""
    jobs_are_tasks: bool = False
    """1.3 calls `ui-job-group` `ui-task`."""
    is_0_x: bool = False
    """Wants `config` in bot-ready."""
    advisory: str | None = None
    """Said in an error-response before bot-ready; the conversation goes on all the same."""


def negotiate(version: object = None, about: object = None) -> Dialect:
    """The dialect for a client-ready with these two fields, whatever their types.

    A client that says nothing at all is one of 0.x: `{}` is what those send.
    """
    if version is None and about is None:
        return Dialect(bot_ready_version=LEGACY_VERSION, bot_output="none", function_calls="call", is_0_x=True)
    numbers = _numbers(version)
    announced = numbers or _UNKNOWN
    function_calls = _function_calls(announced, about)
    if announced[0] == 1:
        # Clients choose their parser by bot-ready's version: a 1.x one must see its own.
        return Dialect(
            str(version),
            "spoken-flag",
            function_calls,
            appended_is_response=_javascript(about) < (1, 4, 0),
            jobs_are_tasks=announced[:2] == (1, 3),
        )
    is_2_2 = announced >= (2, 2, 0)
    return Dialect(function_calls=function_calls, is_2_2=is_2_2, advisory=_advisory(version, numbers))


def _advisory(version: object, numbers: Version | None) -> str | None:
    if version is None:
        return f"Client version unknown. Server protocol is {PROTOCOL_VERSION}. Compatibility issues may occur."
    if numbers is None:
        shown = str(version)[:40]
        return f"Invalid client version format ({shown}), expected MAJOR.MINOR.PATCH. Compatibility issues may occur."
    if numbers[0] != 2:
        return (
            f"RTVI version {version} is not compatible with server protocol {PROTOCOL_VERSION}. Compatibility issues may occur."
        )
    return None


def _numbers(version: object) -> Version | None:
    """Three integers, or None: a pre-release suffix is already no version."""
    match = re.fullmatch(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _function_calls(announced: Version, about: object) -> Literal["in-progress", "call"]:
    library = about.get("library") if isinstance(about, Mapping) else None
    if library in _MOBILE_LIBRARIES:
        return "call"  # all their versions, 2.x ones too
    if _javascript(about) != _NEWEST:
        return "in-progress" if _javascript(about) >= (1, 6, 0) else "call"
    return "call" if _UNKNOWN < announced < (1, 2, 0) else "in-progress"


def _javascript(about: object) -> Version:
    """Which client-js this is; the newest if it is another client, or does not say."""
    described = about if isinstance(about, Mapping) else {}
    version = _numbers(described.get("library_version")) if described.get("library") == _JAVASCRIPT_LIBRARY else None
    return version or _NEWEST
