"""What flows through a pipeline: small frozen dataclasses, named as in RTVI and speech processing.

Times are milliseconds of the event loop's clock (`loop.time() * 1000`), which tests replace by a virtual one. A *revision* is
an integer that grows with every change of mind in a conversation; work that carries a lower one than the current is dropped
where it stands. There is no other cancel flag.
"""

from __future__ import annotations

from typing import Union

from rtvi_local.pipeline.frames.hearing import (
    Audio,
    ButtonPressed,
    ButtonReleased,
    EndOfTurn,
    EndOfWords,
    SpeechStarted,
    SpeechStopped,
    SpeechSuspected,
    Transcript,
    WakeState,
)
from rtvi_local.pipeline.frames.measurements import Measured, Used
from rtvi_local.pipeline.frames.reply import Condense, Condensed, Prompt, PromptAhead, ReplyEnded, ReplyStarted, ReplyToken
from rtvi_local.pipeline.frames.session import Configured, Failed, Image
from rtvi_local.pipeline.frames.speech import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Clause,
    Cue,
    Heard,
    ReplyDelivered,
    Speech,
    SynthesisEnded,
    SynthesisStarted,
    WordTiming,
)
from rtvi_local.pipeline.frames.tools import Filler, ToolCall, ToolResult
from rtvi_local.pipeline.frames.turns import (
    Interrupted,
    Superseded,
    TurnCommitted,
    TurnDropped,
    TurnStarted,
    UserMuted,
    UserTurn,
    VoicePaused,
    VoiceResumed,
)

__all__ = [
    "Audio", "BotStartedSpeaking", "BotStoppedSpeaking", "ButtonPressed", "ButtonReleased", "Clause", "Condense",
    "Condensed", "Configured", "Cue", "EndOfTurn", "EndOfWords", "Failed", "Filler", "Frame", "Heard", "Image",
    "Interrupted", "Measured", "Prompt", "PromptAhead", "ReplyDelivered", "ReplyEnded", "ReplyStarted", "ReplyToken",
    "Speech", "SpeechStarted", "SpeechStopped", "SpeechSuspected", "Superseded", "SynthesisEnded", "SynthesisStarted",
    "ToolCall", "ToolResult", "Transcript", "TurnCommitted", "TurnDropped", "TurnStarted", "Used", "UserMuted", "UserTurn",
    "VoicePaused", "VoiceResumed", "WakeState", "WordTiming",
]  # fmt: skip

Frame = Union[
    Audio, ButtonPressed, ButtonReleased, SpeechSuspected, SpeechStarted, SpeechStopped, Transcript, EndOfTurn, EndOfWords,
    WakeState,
    TurnStarted, UserTurn, TurnCommitted, TurnDropped, Superseded, Interrupted, UserMuted, VoicePaused, VoiceResumed,
    PromptAhead, Prompt, ReplyStarted, ReplyToken, ReplyEnded, Condense, Condensed,
    ToolCall, ToolResult, Filler,
    Clause, SynthesisStarted, Speech, SynthesisEnded, Cue, BotStartedSpeaking, Heard, BotStoppedSpeaking, ReplyDelivered,
    Configured, Image, Failed,
    Measured, Used,
]  # fmt: skip
"""Closed: nothing else flows."""
