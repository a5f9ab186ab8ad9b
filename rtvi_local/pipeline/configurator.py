"""The options of one conversation: what is in force, and the engines that go with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rtvi_local.config import Config
from rtvi_local.engine_pool import Kind, Lease, Shelf
from rtvi_local.engines.interfaces import LanguageModel, ModelSession, Transcriber, Voice
from rtvi_local.errors import UserError
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import Configured, Frame, Prompt, ReplyStarted
from rtvi_local.pipeline.options import MODELS, Option, OptionError, Wanted, changed

log = logging.getLogger(__name__)

Told = Callable[[str], None]


def check_wanted(config: Config, engines: Engines, shelf: Shelf | None, wanted: Wanted) -> None:
    """Raises OptionError for what a conversation that begins with this cannot have."""
    _check_names(wanted, shelf)
    _fitting(changed(config, _without_models(wanted)), engines, engines)


class Configurator:
    """Changes take effect together, for all that begins after them. A model that has to be loaded takes effect when it is
    there; until then the conversation goes on with the one before."""

    def __init__(self, config: Config, engines: Engines, shelf: Shelf | None = None, at_start: Wanted | None = None) -> None:
        """Raises OptionError for what `at_start` wants and cannot have, EngineError if no session is free."""
        self._base = engines
        self._shelf = shelf
        wanted = at_start or Wanted()
        _check_names(wanted, self._shelf)
        self.defaults = config
        """What holds where a client wants nothing else."""
        self.config = changed(config, _without_models(wanted))
        self.engines = _fitting(self.config, engines, self._base)
        self.session: ModelSession = engines.language_model.open_session()
        self._at_start = wanted
        self._leases: dict[str, Lease] = {}
        self._retired: list[tuple[int, Lease]] = []
        """Engines that work of up to that revision may still use."""
        self._prompted = 0
        self._loads: dict[str, asyncio.Task[None]] = {}
        self.on_configured: Callable[[Configured], None] = lambda _: None
        """Options have changed: the stages must be told."""
        self.on_loaded: Callable[[], None] = lambda: None
        """A model that was chosen earlier is in use now."""
        self.on_failed: Told = lambda _: None
        """A model that was chosen earlier cannot be used, and why."""
        self.is_idle: Callable[[], bool] = lambda: False
        """Nothing that was asked is being answered, and nobody speaks."""

    def start(self) -> None:
        """Load what was wanted at the start."""
        self._load_models(self._at_start)

    async def update(self, wanted: Wanted) -> None:
        """Make these changes, all or none. Raises OptionError. Returns before a model that has to be loaded is there."""
        if self._shelf is not None and any(name in MODELS for name in wanted.settings):
            await self._shelf.look_again()
        _check_names(wanted, self._shelf)
        config = changed(self.config, _without_models(wanted))
        engines = _fitting(config, self.engines, self._base)
        self.config, self.engines = config, engines
        self._configured()
        self._load_models(wanted)

    def choices(self, option: Option) -> tuple[str, ...]:
        """What it can be set to as things are, if that can be listed."""
        setting = next((name for name, target in MODELS.items() if target == (option.service, option.name)), None)
        if (option.service, option.name) == ("tts", "model"):
            setting = "models.tts"
        if setting is not None:
            return () if self._shelf is None else self._shelf.installed(_kind(setting))
        languages = _languages(self.engines)
        if (option.service, option.name) == ("stt", "language") and languages:
            return ("auto", *languages)
        return option.choices

    def observe(self, frame: Frame) -> None:
        """Free engines when the last work on them is over: a reply to a newer prompt is being written."""
        match frame:
            case Prompt(revision=revision):
                self._prompted = max(self._prompted, revision)
            case ReplyStarted(revision) if self._retired:
                self._release(lambda until: until < revision)
            case _:
                pass

    async def close(self) -> None:
        """Stop loading and give all engines back. The stages must have ended their work."""
        for load in self._loads.values():
            load.cancel()
        await asyncio.gather(*self._loads.values(), return_exceptions=True)
        for lease in self._leases.values():
            lease.release()
        self._release(lambda _: True)

    def _configured(self) -> None:
        self.on_configured(Configured(self.config, self.engines, self.session))

    # --- models --------------------------------------------------------------------------------------------------------

    def _load_models(self, wanted: Wanted) -> None:
        for setting in MODELS:
            name = wanted.settings.get(setting)
            if isinstance(name, str):
                if setting in self._loads:
                    self._loads[setting].cancel()  # the newest wish counts
                if name != getattr(self.config.models, _kind(setting)):
                    self._loads[setting] = asyncio.create_task(self._load(setting, name))

    async def _load(self, setting: str, name: str) -> None:
        assert self._shelf is not None
        try:
            lease = await self._shelf.lease(_kind(setting), name)
        except UserError as error:
            self.on_failed(str(error))
            return
        except Exception as error:
            log.exception("loading %s failed", name)
            self.on_failed(f"{name} could not be loaded ({type(error).__name__}); {setting} stays as it was.")
            return
        try:
            self._use(setting, name, lease.engine)
        except UserError as error:
            lease.release()
            self.on_failed(str(error))
            return
        if (before := self._leases.pop(setting, None)) is not None:
            self._retired.append((self._prompted, before))
        self._leases[setting] = lease
        self._configured()
        if self.is_idle():
            self._release(lambda _: True)
        self.on_loaded()

    def _use(self, setting: str, name: str, engine: Any) -> None:
        """Raises OptionError, EngineError; then nothing is changed."""
        models = replace(self.config.models, **{_kind(setting): name})  # type: ignore[arg-type]
        config = replace(self.config, models=models)
        exchanged: dict[str, Transcriber | LanguageModel | Voice]
        match _kind(setting):
            case "stt":
                exchanged = {"transcriber": engine}
            case "llm":
                exchanged = {"language_model": engine}
            case "tts":
                exchanged = {"voice": engine}
        engines = _fitting(config, replace(self.engines, **exchanged), self._base)  # type: ignore[arg-type]
        if _kind(setting) == "llm":
            self.session = engine.open_session()
        self.config, self.engines = config, engines

    def _release(self, is_over: Callable[[int], bool]) -> None:
        for entry in [entry for entry in self._retired if is_over(entry[0])]:
            self._retired.remove(entry)
            entry[1].release()


def _kind(setting: str) -> Kind:
    kinds: dict[str, Kind] = {"models.stt": "stt", "models.llm": "llm", "models.tts": "tts"}
    return kinds[setting]


def _without_models(wanted: Wanted) -> Wanted:
    """What can take effect at once."""
    return replace(wanted, settings={name: value for name, value in wanted.settings.items() if name not in MODELS})


def _check_names(wanted: Wanted, shelf: Shelf | None) -> None:
    for setting, (service, option) in MODELS.items():
        name = wanted.settings.get(setting)
        if name is None:
            continue
        if shelf is None:
            raise OptionError(f"{service}.{option} cannot be changed here: this program was given its models.")
        installed = shelf.installed(_kind(setting))
        if name not in installed:
            raise OptionError(
                f"{service}.{option} {str(name)[:60]!r} is not installed. Installed: {', '.join(installed) or 'none'}. "
                "Others: rtvi-local models list."
            )


def _languages(engines: Engines) -> tuple[str, ...]:
    """What the transcriber knows; empty where it does not say."""
    languages: tuple[str, ...] = getattr(engines.transcriber, "languages", ())
    return languages


def _fitting(config: Config, engines: Engines, base: Engines) -> Engines:
    """The engines as the options want them; `base` are those of the appliance. Raises OptionError."""
    voice, speech = engines.voice, config.tts
    try:
        voice = voice.at(speed=speech.speed, speaker=speech.speaker)
    except UserError as error:
        raise OptionError(str(error)) from None
    languages = _languages(engines)
    if languages and config.stt.language not in ("auto", *languages):
        raise OptionError(
            f"{engines.transcriber.model_name} does not know stt.language {config.stt.language!r}. "
            f"It knows: {', '.join(languages)}, and 'auto' to detect it."
        )
    return replace(engines, voice=voice, turn_detector=base.turn_detector if config.turns.detector else None)
