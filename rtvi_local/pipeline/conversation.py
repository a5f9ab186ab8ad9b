"""One client's conversation: its pipeline, its RTVI session and its transport, joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from rtvi_local.audio.level_meter import LevelMeter
from rtvi_local.audio.own_voice import OwnVoice
from rtvi_local.audio.pcm import Int16
from rtvi_local.config import Config
from rtvi_local.engine_pool import Shelf
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, LanguageModel
from rtvi_local.images.content import without_pictures
from rtvi_local.pipeline.configurator import Configurator
from rtvi_local.pipeline.context import Context
from rtvi_local.pipeline.context_keeper import ContextKeeper
from rtvi_local.pipeline.controls import Controls
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import Audio, Configured, Frame, Image, Measured, PromptAhead
from rtvi_local.pipeline.heard_words import HeardWords
from rtvi_local.pipeline.looking import Looking
from rtvi_local.pipeline.options import Wanted
from rtvi_local.pipeline.pipeline import Pipeline
from rtvi_local.pipeline.speaker import Speaker
from rtvi_local.pipeline.tool_host import ToolHost
from rtvi_local.pipeline.trace import Trace, Waterfall
from rtvi_local.rtvi.actions import Actions
from rtvi_local.rtvi.configuration import Configuration
from rtvi_local.rtvi.files import FileRules, Files
from rtvi_local.rtvi.inputs import Inputs
from rtvi_local.rtvi.messages.bot import BotAudioLevel
from rtvi_local.rtvi.messages.from_client import LlmFunctionCallResult
from rtvi_local.rtvi.messages.session import Capabilities, ServerMessage
from rtvi_local.rtvi.messages.user import UserAudioLevel
from rtvi_local.rtvi.session import RtviSession
from rtvi_local.stages.listening import Listening
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing
from rtvi_local.stages.push_to_talk import PushToTalk
from rtvi_local.stages.registry import DEFAULT_PIPELINE, Parts, build, check_order
from rtvi_local.stages.wake_words_gate import WakeWordsGate
from rtvi_local.tools.tool import Tool
from rtvi_local.tools.toolbox import Run, Toolbox
from rtvi_local.transports.interface import Transport

log = logging.getLogger(__name__)


class Conversation:
    """Listens to a transport and carries out what its client asks for. Lives on the event loop."""

    def __init__(
        self,
        transport: Transport,
        engines: Engines,
        config: Config,
        *,
        stages: Sequence[str] = DEFAULT_PIPELINE,
        wanted: Wanted | None = None,
        shelf: Shelf | None = None,
        files: FileRules | None = None,
        served_tools: Sequence[tuple[Tool, Run]] = (),
        on_end: Callable[[Conversation], None] = lambda _: None,
        on_waterfall: Callable[[Waterfall], None] = lambda _: None,
    ) -> None:
        """`wanted` are options that differ from `config`; models are exchanged for others from the `shelf`; `served_tools` are
        those of MCP servers. Raises PipelineError, OptionError, EngineError; then nothing has begun."""
        check_order(stages)
        self._transport = transport
        self._on_end = on_end
        self._on_waterfall = on_waterfall
        self._ended: asyncio.Task[None] | None = None
        wanted = wanted or Wanted()
        self._options = Configurator(config, engines, shelf, wanted)
        self._run_first = wanted.run
        config, engines = self._options.config, self._options.engines
        self.context = Context(config.llm.system_prompt)
        self.context.set(wanted.messages or ())
        self._system_prompt = config.llm.system_prompt
        self._loop = asyncio.get_running_loop()
        self._trace = Trace(self._now_ms, self._report)
        self._heard_words = HeardWords()
        listening = Listening(
            engines.open_activity(),
            engines.transcriber,
            engines.turn_detector,
            engines.is_invented,
            config.vad,
            config.stt,
            self._without_own_words,
            lambda: self._speaker.is_heard,
        )
        rate = transport.output_sample_rate
        self._speaker = Speaker(self._send_audio, rate, transport.clear_audio, self._unsent_frames)
        self._looking = Looking(transport, self._model, lambda image: self.rtvi.observe(image))
        self._tool_host = ToolHost(
            self._speaker,
            lambda text: self.controls.say(text),
            self.end,
            self._looking.look,
            lambda: self.controls.snapshot,
            lambda message: self.rtvi.send(message),
        )
        self.toolbox = Toolbox(
            self._tool_host.host,
            served_tools,
            lambda: self._model().sees,
            lambda picture, tool: self.rtvi.observe(Image(picture, tool)),
        )
        self.toolbox.set_client_tools(wanted.tools or ())
        self.toolbox.configure(config.tools.builtin, config.tools.timeout_s)
        try:
            self._own_voice = OwnVoice(rate, silence_is_quiet=transport.silence_is_quiet) if config.echo.ignore else None
            self._canceller = engines.open_echo_canceller(rate) if config.echo.cancel else None
            parts = Parts(
                config,
                engines,
                self._options.session,
                self.context,
                listening,
                self._speaker,
                self.toolbox,
                self._own_voice,
                self._canceller,
            )
            built = build(stages, parts)
        except BaseException:
            self._options.session.close()
            raise
        self._turns = next(stage for stage in built if isinstance(stage, PhraseEndpointing))
        self._gate = next((stage for stage in built if isinstance(stage, WakeWordsGate)), None)
        self._pipeline = Pipeline(built)
        self.rtvi = RtviSession(
            transport.send_message,
            self,
            capabilities=self._capabilities,
            max_message_bytes=config.server.max_message_bytes,
        )
        self.rtvi.tell_also(config.messages)
        self._user_level = LevelMeter(LISTENING_SAMPLE_RATE, lambda value: self.rtvi.send(UserAudioLevel(value)))
        self._bot_level = LevelMeter(rate, lambda value: self.rtvi.send(BotAudioLevel(value)))
        button = next(stage for stage in built if isinstance(stage, PushToTalk))
        self.controls = Controls(self.context, self._turns, button)
        self.controls.tools = lambda: self.toolbox.tools
        self._keeper = ContextKeeper(
            self.context,
            self._pipeline.push,
            lambda: self.controls.is_idle,
            lambda news: self.rtvi.send(ServerMessage(news)),
            lambda: self.toolbox.tools,
        )
        self._keeper.configure(engines.language_model, config.llm)
        self._options.on_configured = self._configured
        self._options.is_idle = lambda: self.controls.is_idle
        Configuration(self.rtvi, self._options, self.controls, self._set_tools)
        Actions(self.rtvi, self.controls, lambda: without_pictures(self.context.messages))
        Files(self.rtvi, self.controls, files or FileRules(), self._model, self._room)
        self.rtvi.on(LlmFunctionCallResult, lambda message, _: self.toolbox.resolve(message.tool_call_id, message.result))
        self.inputs = Inputs(self.rtvi, self.controls, self._hear)
        self.inputs.on_cancel_job = lambda job_id, _: self._tool_host.cancel(job_id)
        observers = (self.rtvi, self._trace, self._turns, self._options, self.controls, self._keeper, self._tool_host)
        for observer in (*observers, self._heard_words):
            self._pipeline.observe_with(observer.observe)
        if self._gate is not None:
            self._pipeline.observe_with(self._gate.observe)

    def start(self) -> None:
        """Begin to send audio, and handle what the client has said so far."""
        self._options.start()
        self._speaker.start()
        self.rtvi.ready()
        self._read_tools()

    @property
    def is_answering(self) -> bool:
        """Until all the sound of the answer has been made: the engines are at work. It may be played for long after."""
        return self.controls.is_answering and not self._speaker.has_all

    def observe_with(self, observer: Callable[[Frame], None]) -> None:
        """Show every frame of this conversation to somebody else too."""
        self._pipeline.observe_with(observer)

    # --- what the transport delivers -----------------------------------------------------------------------------------

    @property
    def is_asleep(self) -> bool:
        return self._gate is not None and not self._gate.awake

    def on_audio(self, samples: Int16, at_ms: float) -> None:
        if self._ended is None:
            self.inputs.track_heard()
            self._hear(samples, at_ms)

    def on_message(self, text: str) -> None:
        if self._ended is None:
            self.rtvi.receive(text)

    def on_closed(self, reason: str) -> None:
        self.end(reason)

    # --- what the client asks for --------------------------------------------------------------------------------------

    def client_ready(self) -> None:
        """Say whether it sleeps. It waits to be spoken to, unless the client wants the model to begin (llm.run_on_config)."""
        if self._gate is not None:
            self._gate.announce()
        if self._run_first:
            self._run_first = False
            self.controls.run(interrupt=False)

    def send_text(self, text: str, *, run_immediately: bool, speak_reply: bool) -> None:
        self.controls.send_text(text, run_immediately=run_immediately, speak_reply=speak_reply)

    def append_to_context(self, role: str, content: object, *, run_immediately: bool) -> None:
        self.controls.append([{"role": role, "content": content}], run_immediately=run_immediately)

    def end(self, reason: str) -> None:
        """Say good-bye and release everything. Once; later calls change nothing."""
        if self._ended is None:
            self._ended = asyncio.create_task(self._end(reason))

    async def ended(self) -> None:
        """Wait until everything is released, if `end` was called."""
        if self._ended is not None:
            await self._ended

    async def _end(self, reason: str) -> None:
        try:
            self.inputs.close()
            self._tool_host.close()
            await self.rtvi.close()
            self._turns.hush()
            await self._pipeline.close()
            await self._options.close()
            await self._transport.close(reason)
        finally:
            self._on_end(self)

    def _model(self) -> LanguageModel:
        return self._options.engines.language_model

    def _capabilities(self) -> Capabilities:
        """What this client and this model can do with each other; known when the client has connected."""
        return Capabilities(
            audio_in=True,
            audio_out=True,
            video_in=self._looking.can_see("camera"),
            screen_in=self._looking.can_see("screen"),
            video_out=False,
            metrics=True,
        )

    def _room(self, content: object) -> int:
        """How many tokens are left where the model is told this and nothing else."""
        messages = Context(self.context.system_prompt).messages
        messages.append({"role": "user", "content": content})
        needed = self._model().count_tokens(messages, self.toolbox.tools) + self._options.config.llm.max_tokens
        return self._model().context_tokens - needed

    def _hear(self, samples: Int16, at_ms: float) -> None:
        self._pipeline.push(Audio(samples, at_ms))
        if self._options.config.messages.audio_levels:
            self._user_level.push(samples)

    def _set_tools(self, tools: Sequence[Tool]) -> None:
        self.toolbox.set_client_tools(tools)
        self._read_tools()

    def _read_tools(self) -> None:
        """Have the model read about the tools now rather than while a person waits."""
        if self.toolbox.tools and self.controls.is_idle:
            self._pipeline.push(PromptAhead(tuple(self.context.messages)))

    def _without_own_words(self, text: str, from_ms: float) -> str:
        if self._own_voice is None:
            return text
        left = self._heard_words.taken_out(text, from_ms)
        if text and not left:
            # It took its own voice for a person: what it knows of the way that its voice takes is wrong.
            self._own_voice.path.forget()
        return left

    def _send_audio(self, samples: Int16) -> None:
        for listener in (self._own_voice, self._canceller):
            if listener is not None:
                listener.sent(samples)
        self._transport.send_audio(samples)
        self._trace.sent()
        if self._options.config.messages.audio_levels:
            self._bot_level.push(samples)

    def _unsent_frames(self) -> int:
        # The canceller is told what is played at the time that it is played, and goes by that.
        return 0 if self._canceller is not None else self._transport.unsent_frames

    def _configured(self, frame: Configured) -> None:
        self.toolbox.configure(frame.config.tools.builtin, frame.config.tools.timeout_s)
        if frame.config.llm.system_prompt != self._system_prompt:
            self._system_prompt = self.context.system_prompt = frame.config.llm.system_prompt
        self._keeper.configure(frame.engines.language_model, frame.config.llm)
        self.rtvi.tell_also(frame.config.messages)
        self._pipeline.push(frame)

    def _report(self, waterfall: Waterfall) -> None:
        # Whoever sends the packet runs after this call: a dozen messages would hold up the first sound that they are about.
        self._loop.call_soon(self._tell_times, waterfall)

    def _tell_times(self, waterfall: Waterfall) -> None:
        for part, value_ms in waterfall.parts.items():
            self.rtvi.observe(Measured(f"turn.{part}", "processing", value_ms / 1000, "", waterfall.revision))
        self._on_waterfall(waterfall)

    def _now_ms(self) -> float:
        return self._loop.time() * 1000
