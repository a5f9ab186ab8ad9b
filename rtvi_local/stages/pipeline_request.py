"""What a client asks of its pipeline when it connects: which stages, and with what options.

    {"pipeline": ["wake_words_gate", "phrase_endpointing", …],
     "config": {"wake_words_gate": {"trigger_words": ["hey computer"]}}}

The options are those of `pipeline.options`, and may be changed later on; the stages may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtvi_local.config import Config
from rtvi_local.pipeline.options import Wanted, changed
from rtvi_local.pipeline.request_data import read_options
from rtvi_local.stages.registry import DEFAULT_PIPELINE, PipelineError, check_order
from rtvi_local.stages.wake_words_gate import WakeWordsGate

MAX_STAGES = 32
MAX_TRIGGER_WORDS = 16


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    stages: tuple[str, ...]
    config: Config
    """With the options that are wanted."""
    wanted: Wanted


def read_request(request_data: Mapping[str, Any], config: Config) -> PipelineRequest:
    """What the conversation is to be made of; `config` holds for what the client leaves open. Raises PipelineError,
    OptionError."""
    wanted = read_options(request_data)
    config = changed(config, wanted)
    if len(config.wake.words) > MAX_TRIGGER_WORDS:
        raise PipelineError(f"{WakeWordsGate.name}.trigger_words may be at most {MAX_TRIGGER_WORDS}.")
    given = request_data.get("pipeline")
    if given is None:
        return PipelineRequest(default_stages(config), config, wanted)
    if not isinstance(given, (list, tuple)) or not all(isinstance(name, str) for name in given) or len(given) > MAX_STAGES:
        raise PipelineError(f"The 'pipeline' must be a list of the names of at most {MAX_STAGES} stages.")
    return PipelineRequest(checked(given, config), config, wanted)


def default_stages(config: Config) -> tuple[str, ...]:
    """The pipeline of clients that don't bring one: as set, else the usual one, behind a gate if there are wake words. Raises
    PipelineError."""
    gate = (WakeWordsGate.name,) if config.wake.words else ()
    return checked(config.pipeline.stages or (*gate, *DEFAULT_PIPELINE), config)


def checked(stages: Sequence[str], config: Config) -> tuple[str, ...]:
    """The stages, if they can stand like this with these settings. Raises PipelineError."""
    check_order(stages)
    if WakeWordsGate.name in stages and not any(word.strip() for word in config.wake.words):
        raise PipelineError(
            f"The stage '{WakeWordsGate.name}' has no trigger words, so it would sleep for ever: give it "
            "{trigger_words: ['hey computer']}, or set wake.words."
        )
    return tuple(stages)
