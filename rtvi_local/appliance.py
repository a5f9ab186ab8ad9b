"""The appliance without its network side: engines that are loaded once, and the conversations that share them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rtvi_local.config import Config
from rtvi_local.engine_pool import Closable, EnginePool, Kind
from rtvi_local.engines.courtesy import Courtesy
from rtvi_local.engines.echo_canceller import open_echo_canceller
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, EngineError, Float32, Transcription, Voice
from rtvi_local.engines.wake_word import open_detector, small_model
from rtvi_local.files.fetching import Allowed
from rtvi_local.hardware import Plan, find_hardware, free_memory_bytes, plan, summary
from rtvi_local.memory import keep_house, return_freed
from rtvi_local.memory_needs import require_memory
from rtvi_local.model_store import ModelStore, Preset, open_store
from rtvi_local.pipeline.configurator import check_wanted
from rtvi_local.pipeline.context import Context
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import Frame
from rtvi_local.pipeline.languages import voices_by_language
from rtvi_local.pipeline.options import OptionError
from rtvi_local.pipeline.trace import Waterfall
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.appliance import TooManyConversations, UnusableRequest
from rtvi_local.stages.pipeline_request import default_stages, read_request
from rtvi_local.stages.registry import PipelineError
from rtvi_local.tools.builtin import find_builtin
from rtvi_local.tools.mcp_servers import McpServer
from rtvi_local.tools.tool import Tool
from rtvi_local.tools.toolbox import Run, Toolbox
from rtvi_local.transports.interface import Transport

if TYPE_CHECKING:
    from rtvi_local.engines.llama import LlamaModel

log = logging.getLogger(__name__)
ABANDONED_S = 0.5
"""For everything but MCP servers, who have the time they need, to end in good order."""
T = TypeVar("T")


class Appliance:
    """`prepare`, then `load`; conversations can begin when `ready` has nothing to say any more."""

    def __init__(self, config: Config, models: Preset, store: ModelStore, placements: Plan) -> None:
        # With their names, so that a client can see and choose by them.
        self._config = replace(config, models=replace(config.models, stt=models.stt, llm=models.llm, tts=models.tts))
        self._models = models
        self._store = store
        self._placements = placements
        self._engines: Engines | None = None
        self._courtesy = Courtesy()
        """Every language model steps back for every voice: they share the cores."""
        self._pool = EnginePool(self._load_shared, self._installed)
        self._closers: list[Callable[[], None]] = []
        self._mcp_servers = [McpServer(command) for command in config.tools.mcp_servers]
        self._tidying: asyncio.Task[None] | None = None
        self._loading: dict[str, str] = {
            models.stt: "speech recognition",
            models.llm: "the language model",
            models.tts: "the voice",
            models.vad: "voice activity detection",
            models.turn: "turn detection",
        }
        self._voices: dict[str, str] = {}
        """Installed voices by language."""
        self._spoken: dict[str, asyncio.Task[Voice]] = {}
        """Of those, the ones that were needed so far."""
        self._open: set[Conversation] = set()
        self.files = FileRules(fetch_from=Allowed(config.server.fetch_from), max_bytes=config.server.max_file_bytes)
        self.on_waterfall: Callable[[Waterfall], None] = lambda _: None
        self.on_frame: Callable[[Frame], None] = lambda _: None
        """Shown every frame of every conversation."""

    @classmethod
    def prepare(cls, config: Config) -> Appliance:
        """Check that every model is there and whole, and decide what runs where. Raises UserError."""
        default_stages(config)
        for name in config.tools.builtin:
            find_builtin(name)
        modelled = [model for word in config.wake.words if (model := small_model(word))]
        if modelled:
            open_detector(modelled).close()
        if config.echo.cancel:
            open_echo_canceller(LISTENING_SAMPLE_RATE)
        store = open_store(config.models.directory)
        chosen = config.models
        models = store.preset(chosen.preset, stt=chosen.stt, llm=chosen.llm, tts=chosen.tts)
        for name in models.names:
            store.path(name)
        placements = plan(find_hardware(), chosen.device)
        sizes = {engine: (name, store.manifest.model(name).size) for engine, name in asdict(models).items()}
        require_memory(sizes, placements, free_memory_bytes())
        return cls(config, models, store, placements)

    @property
    def summary(self) -> str:
        """One line on what runs where."""
        names = {"stt": self._models.stt, "llm": self._models.llm, "tts": self._models.tts}
        return summary(self._placements, names)

    async def load(self) -> None:
        """Load and warm up all engines, at the same time. Raises EngineError."""
        # Imported here, because what only checks or explains has no need of the models' libraries.
        from rtvi_local.engines.invented import is_nobody
        from rtvi_local.engines.silero import Silero
        from rtvi_local.engines.smart_turn import SmartTurn

        models, places, config = self._models, self._placements, self._config

        def load_vad(directory: Path) -> Silero:
            return Silero.load(directory, device=places.vad.device, threads=places.vad.threads)

        def load_turn(directory: Path) -> SmartTurn:
            detector = SmartTurn.load(directory, device=places.turn_detector.device, threads=places.turn_detector.threads)
            detector.courtesy = self._courtesy
            return detector

        def is_invented(transcription: Transcription, samples: Float32) -> bool:
            return is_nobody(transcription, samples, least_treble_db=config.vad.least_treble_db)

        # The voice activity detector's sessions are opened per conversation; what is loaded here is the model they share.
        llm, stt, tts, vad, turn, _ = await _all(
            self._lease("llm", models.llm),
            self._lease("stt", models.stt),
            self._lease("tts", models.tts),
            self._load(models.vad, load_vad),
            self._load(models.turn, load_turn),
            self._pool.look_again(),
        )
        self._closers = [turn.close]
        voice = tts.at(speed=config.tts.speed, speaker=config.tts.speaker)
        await asyncio.gather(*(server.start() for server in self._mcp_servers))
        await llm.preload(Context(config.llm.system_prompt).messages, self._own_tools())
        self._tidying = asyncio.create_task(keep_house(self.is_idle, lambda: _tidy(llm)))
        self._engines = Engines(
            open_activity=vad.detector,
            turn_detector=turn,
            transcriber=stt,
            is_invented=is_invented,
            language_model=llm,
            voice=voice,
            voice_for=self._voice_for,
            open_wake_words=open_detector,
        )

    def _own_tools(self) -> Sequence[Tool]:
        """What a conversation has whose client brings no tools."""
        toolbox = Toolbox(served=self._served_tools())
        toolbox.configure(self._config.tools.builtin, self._config.tools.timeout_s)
        return toolbox.tools

    def _served_tools(self) -> list[tuple[Tool, Run]]:
        return [tool for server in self._mcp_servers for tool in server.tools]

    async def _load(self, name: str, load: Callable[[Path], T]) -> T:
        engine = await asyncio.to_thread(load, self._store.path(name))
        self._loading.pop(name, None)
        return engine

    async def _lease(self, kind: Kind, name: str) -> Any:
        """For as long as the appliance lives."""
        engine = (await self._pool.lease(kind, name)).engine
        self._loading.pop(name, None)
        return engine

    async def _voice_for(self, language: str) -> Voice | None:
        """Loaded when it is first needed, and kept. Raises UserError."""
        name = self._voices.get(language)
        if name is None:
            return None
        if name not in self._spoken:
            self._spoken[name] = asyncio.create_task(self._lease("tts", name))
        try:
            voice: Voice = await asyncio.shield(self._spoken[name])
        except Exception:
            self._spoken.pop(name, None)
            raise
        return voice

    def _load_shared(self, kind: Kind, name: str) -> Closable:
        """An engine that conversations share; where it was only found best to run it on a graphics card, and that fails, on the
        CPU. Blocks. Raises EngineError."""
        try:
            return self._load_placed(kind, name)
        except EngineError as error:
            if self._config.models.device != "auto" or getattr(self._placements, kind).device == "cpu":
                raise
            log.warning("%s runs on the CPU instead. %s", name, error)
            on_cpu = plan(find_hardware(), "cpu")
            self._placements = replace(self._placements, **{kind: getattr(on_cpu, kind)})
            return self._load_placed(kind, name)

    def _load_placed(self, kind: Kind, name: str) -> Closable:
        from rtvi_local.engines.llama import LlamaModel
        from rtvi_local.engines.piper import PiperVoice
        from rtvi_local.engines.whisper import Whisper

        directory, places, config = self._store.path(name), self._placements, self._config
        if kind == "stt":
            whisper = Whisper.load(directory, device=places.stt.device, threads=places.stt.threads)
            whisper.courtesy = self._courtesy
            return whisper
        if kind == "tts":
            voice = PiperVoice.load(directory, device=places.tts.device, threads=places.tts.threads)
            voice.courtesy = self._courtesy
            return voice
        model = LlamaModel.load(
            directory,
            device=places.llm.device,
            threads=places.llm.threads,
            context_tokens=config.llm.context_tokens,
            sessions=config.server.max_conversations,
            recoded=config.models.recode,
        )
        if places.llm.device == "cpu":  # a graphics card takes no core from the others
            model.step_back_for(self._courtesy)
        return model

    def _installed(self) -> Mapping[Kind, tuple[str, ...]]:
        """What can be chosen. Blocks, and for long where a model was never verified."""
        from rtvi_local.engines.piper import installed_language

        kinds: tuple[Kind, ...] = ("stt", "llm", "tts")
        models = self._store.manifest.models.values()
        installed = [model for model in models if model.kind in kinds and self._store.state(model.name) == "installed"]
        by_kind = {kind: tuple(sorted(model.name for model in installed if model.kind == kind)) for kind in kinds}
        languages = {name: installed_language(self._store.path(name)) for name in by_kind["tts"]}
        self._voices = voices_by_language(languages, self._models.tts)
        return by_kind

    # --- what the server asks for --------------------------------------------------------------------------------------

    @property
    def conversations(self) -> int:
        return len(self._open)

    def is_idle(self) -> bool:
        return all(conversation.controls.is_idle for conversation in self._open)

    def is_answering(self) -> bool:
        return any(conversation.is_answering for conversation in self._open)

    def ready(self) -> list[str]:
        """What is still missing before a conversation can begin."""
        loading = [f"{what} ({name}) is loading" for name, what in self._loading.items()]
        # Between the last engine's loading and the system prompt's being read, nothing is loading and nothing can begin.
        return loading or ([] if self._engines is not None else ["the language model is reading its instructions"])

    def check(self, request_data: dict[str, Any]) -> None:
        """Raises UnusableRequest for what `open_conversation` would refuse because of it."""
        assert self._engines is not None, "the server asks only when `ready` has nothing to say"
        try:
            check_wanted(self._config, self._engines, self._pool, read_request(request_data, self._config).wanted)
        except (PipelineError, OptionError) as error:
            raise UnusableRequest(str(error)) from error

    def open_conversation(self, transport: Transport, request_data: dict[str, Any]) -> Conversation:
        """Begin a conversation. Raises TooManyConversations, UnusableRequest."""
        assert self._engines is not None, "the server asks for conversations only when `ready` has nothing to say"
        if len(self._open) >= self._config.server.max_conversations:
            raise TooManyConversations(f"{len(self._open)} conversations are going on already, as many as are allowed")
        try:
            request = read_request(request_data, self._config)
            conversation = Conversation(
                transport,
                self._engines,
                self._config,
                stages=request.stages,
                wanted=request.wanted,
                shelf=self._pool,
                files=self.files,
                served_tools=self._served_tools(),
                on_end=self._open.discard,
                on_waterfall=lambda w: self.on_waterfall(w),
            )
        except (PipelineError, OptionError, EngineError) as error:
            raise UnusableRequest(str(error)) from error
        self._open.add(conversation)
        conversation.observe_with(lambda frame: self.on_frame(frame))
        conversation.start()
        return conversation

    async def abandon(self) -> None:
        """Close what can be closed when `load` was cancelled. The threads in which models are loaded and looked through cannot
        be cut short; they end with the process, which is to `leaving.leave`."""
        await asyncio.gather(*(server.close() for server in self._mcp_servers), return_exceptions=True)
        await asyncio.wait({asyncio.create_task(self.close())}, timeout=ABANDONED_S)

    async def close(self) -> None:
        """End all conversations, then the engines."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait({self._tidying})
        for conversation in list(self._open):
            conversation.end("the appliance is shutting down")
        await asyncio.gather(*(conversation.ended() for conversation in list(self._open)))
        await asyncio.gather(*(server.close() for server in self._mcp_servers))
        for close in self._closers:
            await asyncio.to_thread(close)
        await self._pool.close()


def _tidy(llm: LlamaModel) -> None:
    """Give back what loading, or a turn, has left behind. Blocks for some milliseconds."""
    llm.tidy()
    return_freed()


async def _all(*loads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Like gather; but where one fails, the others, which cannot be stopped, are waited for before its error is raised."""
    results = await asyncio.gather(*loads, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
