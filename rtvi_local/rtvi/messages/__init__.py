"""Every message of the protocol, typed, in both directions: 0.x, 1.x and 2.x up to 2.2.0."""

from __future__ import annotations

from rtvi_local.rtvi.messages.base import LABEL, Message, Part, encode
from rtvi_local.rtvi.messages.bot import (
    BotAudioLevel,
    BotInterrupted,
    BotLlmMarker,
    BotLlmSearchResponse,
    BotLlmStarted,
    BotLlmStopped,
    BotLlmText,
    BotOutput,
    BotOutput1,
    BotStartedSpeaking,
    BotStoppedSpeaking,
    BotTranscription,
    BotTtsAudio,
    BotTtsStarted,
    BotTtsStopped,
    BotTtsText,
    LlmRawText,
    TtsRawText,
)
from rtvi_local.rtvi.messages.from_client import CLIENT_MESSAGES
from rtvi_local.rtvi.messages.functions import (
    LlmFunctionCall,
    LlmFunctionCallInProgress,
    LlmFunctionCallStart,
    LlmFunctionCallStarted,
    LlmFunctionCallStopped,
)
from rtvi_local.rtvi.messages.legacy import (
    ActionResponse,
    ActionsAvailable,
    ConfigAvailable,
    ConfigError,
    ConfigUpdated,
    CurrentConfig,
)
from rtvi_local.rtvi.messages.metrics import Metrics
from rtvi_local.rtvi.messages.session import (
    AppendToContextResult,
    BotReady,
    Error,
    ErrorResponse,
    ServerMessage,
    ServerResponse,
    SystemLog,
)
from rtvi_local.rtvi.messages.ui import UiCommand, UiJobGroup, UiTask
from rtvi_local.rtvi.messages.user import (
    SttRawText,
    UserAudioLevel,
    UserInput,
    UserLlmText,
    UserMuteStarted,
    UserMuteStopped,
    UserStartedSpeaking,
    UserStoppedSpeaking,
    UserTranscription,
    VadUserStartedSpeaking,
    VadUserStoppedSpeaking,
)

__all__ = ["CLIENT_MESSAGES", "LABEL", "SERVER_MESSAGES", "Message", "Part", "encode"]

SERVER_MESSAGES: tuple[type[Message], ...] = (
    BotReady, Error, ErrorResponse, ServerMessage, ServerResponse, AppendToContextResult, SystemLog,
    UserStartedSpeaking, UserStoppedSpeaking, VadUserStartedSpeaking, VadUserStoppedSpeaking, UserMuteStarted,
    UserMuteStopped, UserTranscription, UserInput, SttRawText, UserLlmText, UserAudioLevel,
    BotLlmStarted, BotLlmText, LlmRawText, BotLlmStopped, BotLlmMarker, BotTranscription, BotTtsStarted, BotTtsText,
    TtsRawText, BotTtsAudio, BotTtsStopped, BotStartedSpeaking, BotStoppedSpeaking, BotInterrupted, BotOutput, BotOutput1,
    BotAudioLevel, BotLlmSearchResponse,
    LlmFunctionCallStarted, LlmFunctionCallInProgress, LlmFunctionCallStopped, LlmFunctionCall,
    LlmFunctionCallStart,
    UiCommand, UiJobGroup, UiTask, Metrics,
    ConfigAvailable, CurrentConfig, ConfigUpdated, ConfigError, ActionsAvailable, ActionResponse,
)  # fmt: skip
"""Everything that the protocol has for a server to say. What says of itself that it is not sent never is."""
