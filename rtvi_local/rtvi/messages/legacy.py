"""RTVI 0.x: configuration and actions. The values are those of the services' options; newer clients reach the same with
`client-message` (docs/configuration.md, docs/context.md)."""

from __future__ import annotations

from typing import Any, ClassVar

from rtvi_local.rtvi.messages.base import Message, Part


class NamedValue(Part, frozen=True):
    """An option of a service, or an argument of an action."""

    name: str
    value: Any = None


class ServiceConfig(Part, frozen=True):
    service: str
    options: list[NamedValue]


class DescribeConfig(Message, frozen=True):
    """Which options there are; `config-available` answers."""

    type: ClassVar[str] = "describe-config"
    since: ClassVar[str] = "0.1"


class GetConfig(Message, frozen=True):
    """What all options are set to; `config` answers."""

    type: ClassVar[str] = "get-config"
    since: ClassVar[str] = "0.1"


class UpdateConfig(Message, frozen=True):
    """Set options, all of these or none; `config` answers. With `interrupt` the bot stops speaking."""

    type: ClassVar[str] = "update-config"
    since: ClassVar[str] = "0.1"
    config: list[ServiceConfig]
    interrupt: bool | None = None


class DescribeActions(Message, frozen=True):
    """Which actions there are; `actions-available` answers."""

    type: ClassVar[str] = "describe-actions"
    since: ClassVar[str] = "0.2"


class Action(Message, frozen=True):
    """Do something; `action-response` answers."""

    type: ClassVar[str] = "action"
    since: ClassVar[str] = "0.2"
    service: str
    action: str
    arguments: list[NamedValue] | None = None


class DescribedOption(Part, frozen=True):
    """`type` is "bool", "number", "string", "array" or "object"; `applies` is "now", "next turn" or "at start"."""

    name: str
    type: str
    description: str | None = None
    default: Any = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] | None = None
    applies: str | None = None


class DescribedService(Part, frozen=True):
    name: str
    options: list[DescribedOption]


class ConfigAvailable(Message, frozen=True):
    """Every option of every service."""

    type: ClassVar[str] = "config-available"
    since: ClassVar[str] = "0.1"
    config: list[DescribedService]


class CurrentConfig(Message, frozen=True):
    """What is in force. A model that is still being loaded is not yet."""

    type: ClassVar[str] = "config"
    since: ClassVar[str] = "0.1"
    config: list[ServiceConfig]


class ConfigUpdated(Message, frozen=True):
    """A model that `update-config` chose has been loaded and is in use. Newer clients get a `server-message` instead."""

    type: ClassVar[str] = "config-updated"
    since: ClassVar[str] = "0.1"
    config: list[ServiceConfig]


class ConfigError(Message, frozen=True):
    """A model that `update-config` chose cannot be used. Newer clients get an `error` instead."""

    type: ClassVar[str] = "config-error"
    since: ClassVar[str] = "0.1"
    error: str


class DescribedArgument(Part, frozen=True):
    name: str
    type: str


class DescribedAction(Part, frozen=True):
    service: str
    action: str
    arguments: list[DescribedArgument]
    result: str
    description: str | None = None


class ActionsAvailable(Message, frozen=True):
    """Every action."""

    type: ClassVar[str] = "actions-available"
    since: ClassVar[str] = "0.2"
    actions: list[DescribedAction]


class ActionResponse(Message, frozen=True):
    """The action was done."""

    type: ClassVar[str] = "action-response"
    since: ClassVar[str] = "0.2"
    result: Any
