"""Configuration on the wire: describe, get and update, in RTVI 0.x's messages and in requests of newer clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rtvi_local.config import Config
from rtvi_local.pipeline.configurator import Configurator
from rtvi_local.pipeline.controls import Controls
from rtvi_local.pipeline.options import OPTIONS, Change, Option, OptionError, from_short_form, services, wanted
from rtvi_local.rtvi.messages.legacy import (
    ConfigAvailable,
    ConfigError,
    ConfigUpdated,
    CurrentConfig,
    DescribeConfig,
    DescribedOption,
    DescribedService,
    GetConfig,
    NamedValue,
    ServiceConfig,
    UpdateConfig,
)
from rtvi_local.rtvi.messages.session import Error, ServerMessage
from rtvi_local.rtvi.session import RtviSession
from rtvi_local.tools.tool import Tool


def described(options: Configurator) -> list[DescribedService]:
    """Every option of every service, with what this appliance has for it."""
    return [
        DescribedService(service, [_described(option, options) for option in OPTIONS.values() if option.service == service])
        for service in services()
    ]


def _described(option: Option, options: Configurator) -> DescribedOption:
    default = _json(option.read(options.defaults))
    choices = list(options.choices(option)) or None
    return DescribedOption(
        option.name, option.type, option.help, default, option.unit or None, option.least, option.most, choices, option.applies
    )


def listed(config: Config) -> list[ServiceConfig]:
    """The value of every option that has one of its own."""
    listed = [option for option in OPTIONS.values() if option.listed]
    return [
        ServiceConfig(service, [NamedValue(o.name, _json(o.read(config))) for o in listed if o.service == service])
        for service in services()
    ]


def short(config: Config) -> dict[str, dict[str, Any]]:
    """The same as `{service: {option: value}}`."""
    return {of.service: {option.name: option.value for option in of.options} for of in listed(config)}


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


class Configuration:
    """Answers one client's messages about options."""

    def __init__(
        self,
        session: RtviSession,
        options: Configurator,
        controls: Controls,
        set_tools: Callable[[Sequence[Tool]], None] = lambda _: None,
    ) -> None:
        self._set_tools = set_tools
        self._session = session
        self._options = options
        self._controls = controls
        options.on_loaded = self._loaded
        options.on_failed = self._failed
        session.legacy_config = lambda: listed(options.config)
        session.on(DescribeConfig, lambda _, id: session.send(ConfigAvailable(described(options)), id))
        session.on(GetConfig, lambda _, id: session.send(CurrentConfig(listed(options.config)), id))
        session.on(UpdateConfig, self._update)
        session.on_request("config:describe", lambda _: {"config": described(options)})
        session.on_request("config:get", lambda _: {"config": short(options.config)})
        session.on_request("config:update", self._request)
        session.on_request("configure", self._configure)

    async def _update(self, message: UpdateConfig, id: str | None) -> None:
        changes: list[Change] = [(of.service, each.name, each.value) for of in message.config for each in of.options]
        await self._change(changes, interrupt=message.interrupt is True)
        self._session.send(CurrentConfig(listed(self._options.config)), id)

    async def _request(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or "config" not in data:
            raise OptionError("config:update takes {config: {service: {option: value}}, interrupt?: true}.")
        await self._change(from_short_form(data["config"]), interrupt=data.get("interrupt") is True)
        return {"config": short(self._options.config)}

    async def _configure(self, data: Any) -> dict[str, Any]:
        await self._change(from_short_form(data), interrupt=False)
        return {"config": short(self._options.config)}

    async def _change(self, changes: list[Change], *, interrupt: bool) -> None:
        """All of them or none. Raises OptionError."""
        want = wanted(changes)
        await self._options.update(want)
        if interrupt:
            self._controls.interrupt()
        if want.tools is not None:
            self._set_tools(want.tools)
        if want.messages is not None:
            self._controls.set(want.messages)
        if want.run:
            self._controls.run(interrupt=interrupt)

    def _loaded(self) -> None:
        if self._session.dialect.is_0_x:
            self._session.send(ConfigUpdated(listed(self._options.config)))
        else:
            self._session.send(ServerMessage({"type": "config-updated", "config": short(self._options.config)}))

    def _failed(self, text: str) -> None:
        if self._session.dialect.is_0_x:
            self._session.send(ConfigError(text))
        self._session.send(Error.saying(text))
