"""What a feature is, and what several of them ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.browser.conformance.talk import Talk

NOT_THERE = "–"
YES = "yes"


class NotThere(Exception):
    """This client has no such thing."""


@dataclass(frozen=True)
class Feature:
    name: str
    check: Callable[[Talk], None]
    """Raises NotThere, or whatever else if it does not work."""


def needs(present: bool) -> None:
    if not present:
        raise NotThere


def asked(talk: Talk) -> str:
    """What the model was told last, message by message, each on its line."""
    return "\n".join(str(message["content"]) for message in talk.appliance.model.prompts[-1])


def one(of: list[dict[str, Any]], **like: object) -> dict[str, Any]:
    """The one that has these values."""
    (found,) = [each for each in of if like.items() <= each.items()]
    return found


def configure(talk: Talk, service: str, option: str, value: object) -> None:
    if talk.has("update"):
        talk.do("update", [{"service": service, "options": [{"name": option, "value": value}]}])
    else:
        talk.do("ask", "config:update", {"config": {service: {option: value}}})
