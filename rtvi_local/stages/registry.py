"""From the names on the wire to a pipeline."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rtvi_local.audio.cues import cue
from rtvi_local.audio.own_voice import OwnVoice
from rtvi_local.config import Config
from rtvi_local.engines.interfaces import EchoCanceller, ModelSession
from rtvi_local.engines.wake_word import small_model
from rtvi_local.errors import UserError
from rtvi_local.pipeline.context import Context
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.speaker import Speaker
from rtvi_local.pipeline.stage import Stage
from rtvi_local.stages.echo_cancellation import EchoCancellation
from rtvi_local.stages.listening import Listening
from rtvi_local.stages.llm import Llm
from rtvi_local.stages.llm_context import LlmContext, LlmContextRecorder, fitter
from rtvi_local.stages.own_voice import OwnVoiceMark
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing, turn_policy
from rtvi_local.stages.processing_sound_emitter import ProcessingSoundEmitter
from rtvi_local.stages.push_to_talk import PushToTalk
from rtvi_local.stages.tts import Tts
from rtvi_local.stages.wake_words_gate import WakeWordsEar, WakeWordsGate
from rtvi_local.tools.tool import Tool
from rtvi_local.tools.toolbox import Toolbox

DEFAULT_PIPELINE = ("phrase_endpointing", "llm_context", "llm", "tts", "llm_context")


class PipelineError(UserError):
    """A list of stages that cannot be built. The text says which stage and why."""


@dataclass(frozen=True)
class Parts:
    """What stages are made from. `listening` and `speaker` are the ends of every pipeline and have no name on the wire."""

    config: Config
    engines: Engines
    session: ModelSession
    context: Context
    listening: Listening
    speaker: Speaker
    toolbox: Toolbox
    own_voice: OwnVoice | None = None
    """Is told what the speaker sends, so that it knows it again when it comes back."""
    echo_canceller: EchoCanceller | None = None
    """Is told the same."""


def _phrase_endpointing(parts: Parts) -> Stage:
    policy = turn_policy(parts.config, detects_end=parts.engines.turn_detector is not None)
    return PhraseEndpointing(policy, parts.listening.evaluate, parts.listening.forget)


def _llm_context(parts: Parts) -> Stage:
    def tools() -> Sequence[Tool]:
        return parts.toolbox.tools

    fit = fitter(parts.engines.language_model, parts.config.llm, tools)
    return LlmContext(parts.context, fit, tools, follows_language=parts.config.stt.language == "auto")


def _llm(parts: Parts) -> Stage:
    return Llm(parts.session, parts.engines.language_model.model_name, parts.config.llm, parts.toolbox)


def _tts(parts: Parts) -> Stage:
    speech = parts.config.tts
    return Tts(parts.engines.voice, parts.engines.voice_for, speech.speed, speech.language)


def _wake_words_gate(parts: Parts) -> Stage:
    words = _trigger_words(parts)
    follow_up_ms = parts.config.wake.follow_up_s * 1000
    return WakeWordsGate(parts.listening, words.all, follow_up_ms, transcribed=words.transcribed)


def _processing_sound_emitter(parts: Parts) -> Stage:
    rate = parts.speaker.output_rate
    return ProcessingSoundEmitter(cue(parts.config.sounds.processing, rate), rate)


@dataclass(frozen=True, slots=True)
class _TriggerWords:
    all: tuple[str, ...]
    modelled: tuple[str, ...]
    """Those that a small model recognises."""
    transcribed: tuple[str, ...]
    """Those that only a transcript can show."""


def _trigger_words(parts: Parts) -> _TriggerWords:
    words = [" ".join(word.replace("_", " ").split()) for word in parts.config.wake.words]
    models = [small_model(word) if parts.engines.open_wake_words else None for word in words]
    modelled = tuple(dict.fromkeys(model for model in models if model))
    transcribed = tuple(word for word, model in zip(words, models, strict=True) if word and not model)
    return _TriggerWords((*modelled, *transcribed), modelled, transcribed)


def _ears(gate: WakeWordsGate, parts: Parts) -> list[Stage]:
    """The gate's place before listening; none, if every trigger word has to be transcribed. Raises EngineError."""
    words = _trigger_words(parts)
    if not words.modelled or parts.engines.open_wake_words is None:
        return []
    detector = parts.engines.open_wake_words(words.modelled)
    return [WakeWordsEar(gate, detector, lets_audio_through=bool(words.transcribed))]


_BUILDERS: dict[str, Callable[[Parts], Stage]] = {
    WakeWordsGate.name: _wake_words_gate,
    PhraseEndpointing.name: _phrase_endpointing,
    ProcessingSoundEmitter.name: _processing_sound_emitter,
    LlmContext.name: _llm_context,
    Llm.name: _llm,
    Tts.name: _tts,
}


_ORDER = (
    (WakeWordsGate.name, PhraseEndpointing.name),
    *itertools.pairwise(DEFAULT_PIPELINE[:-1]),
    (PhraseEndpointing.name, ProcessingSoundEmitter.name),
    (ProcessingSoundEmitter.name, Tts.name),
)
"""Pairs of stages; the first must stand before the second."""


def check_order(names: Sequence[str]) -> None:
    """Raises PipelineError for a list that cannot work, naming the stage."""
    for name in names:
        if name not in _BUILDERS:
            raise PipelineError(f"There is no stage '{name}'. The stages are: {', '.join(_BUILDERS)}.")
    for name in DEFAULT_PIPELINE[:-1]:
        if name not in names:
            raise PipelineError(f"The stage '{name}' is missing: without it nothing would be answered.")
    for earlier, later in _ORDER:
        if earlier in names and later in names and names.index(earlier) > names.index(later):
            raise PipelineError(f"The stage '{later}' cannot stand before '{earlier}'.")
    for name in set(names):
        if names.count(name) > (2 if name == LlmContext.name else 1):
            raise PipelineError(f"The stage '{name}' stands too often.")
    if names.count(LlmContext.name) == 2 and names[-1] != LlmContext.name:
        raise PipelineError(f"The second '{LlmContext.name}' must come last: it notes what was heard.")


def build(names: Sequence[str], parts: Parts) -> list[Stage]:
    """The stages by name, in order, between the ear and the mouth.

    The speaker follows the voice; behind it stands the second `llm_context`, whether it was named or not. Before the ear stands
    the button to talk, between them the gate's own ear, and before all of them what knows the own voice. Raises PipelineError,
    EngineError.
    """
    check_order(names)
    stages: list[Stage] = [parts.listening]
    for name in names:
        if not (name == LlmContext.name and any(stage.name == name for stage in stages)):
            stages.append(_BUILDERS[name](parts))
        if name == Tts.name:
            stages.append(parts.speaker)
    stages.append(LlmContextRecorder(parts.context))
    gates = [stage for stage in stages if isinstance(stage, WakeWordsGate)]
    button = PushToTalk(only_held=parts.config.turns.push_to_talk, preroll_ms=parts.config.vad.preroll_ms)
    return [*_before_all(parts), button, *(ear for gate in gates for ear in _ears(gate, parts)), *stages]


def _before_all(parts: Parts) -> Iterator[Stage]:
    # In this order: where the canceller has to find its way anew, what it leaves of the echo would stand out of its silence.
    if parts.own_voice is not None:
        yield OwnVoiceMark(parts.own_voice)
    if parts.echo_canceller is not None:
        yield EchoCancellation(parts.echo_canceller)
