"""What was measured and counted, as `metrics` tell it. Pure."""

from __future__ import annotations

from rtvi_local.pipeline.frames import Measured, Used
from rtvi_local.rtvi.messages.metrics import AudioSeconds, FirstAudio, Metric, Metrics, SttUsage, TokenUsage


def of_time(measured: Measured) -> Metrics:
    """A time, and of a voice's first sound also when it can be heard."""
    processor, value_s, model = measured.processor, float(measured.value_s), measured.model or None
    time = [Metric(processor, value_s, model)]
    if measured.kind == "processing":
        return Metrics(processing=time)
    if measured.silent_s is None:
        return Metrics(ttfb=time)
    first_audio = FirstAudio(processor, value_s + measured.silent_s, value_s, measured.silent_s, model)
    return Metrics(ttfb=time, ttfa=[first_audio])


def of_amounts(used: Used) -> Metrics:
    processor, amounts, model = used.processor, used.amounts, used.model or None
    if "audio_seconds" in amounts:
        return Metrics(stt_usage=[SttUsage(processor, AudioSeconds(amounts["audio_seconds"]), model)])
    if "characters" in amounts:
        return Metrics(characters=[Metric(processor, int(amounts["characters"]), model)])
    prompt, written = int(amounts["prompt_tokens"]), int(amounts["completion_tokens"])
    return Metrics(tokens=[TokenUsage(prompt, written, prompt + written, int(amounts["cache_read_input_tokens"]))])
