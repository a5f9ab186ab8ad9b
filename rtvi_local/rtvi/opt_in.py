"""Messages that only those clients get which ask for them (the service `messages`). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from rtvi_local.config import Messages
from rtvi_local.pipeline import frames
from rtvi_local.rtvi.messages import Message, bot, session, user
from rtvi_local.rtvi.negotiation import Dialect


def about(frame: frames.Frame, wanted: Messages) -> Iterator[Message]:
    """What is told of a frame as soon as it is emitted, whatever becomes of its turn."""
    if wanted.system_log and (line := log_line(frame)):
        yield session.SystemLog(line)
    if wanted.vad and isinstance(frame, frames.SpeechStarted):
        yield user.VadUserStartedSpeaking()
    if wanted.vad and isinstance(frame, frames.SpeechStopped):
        yield user.VadUserStoppedSpeaking()


def raw_twin(message: Message, wanted: Messages, dialect: Dialect) -> Message | None:
    """The same text under its lasting name, to be sent just before it."""
    if not (wanted.raw_text and dialect.is_2_2):
        return None
    match message:
        case user.UserTranscription(text, final, timestamp, user_id):
            return user.SttRawText(text, final, timestamp, user_id)
        case bot.BotLlmText(text):
            return bot.LlmRawText(text)
        case bot.BotTtsText(text):
            return bot.TtsRawText(text)
        case _:
            return None


def log_line(frame: frames.Frame) -> str | None:
    """What was decided or done, in numbers and names. The bug prevented: words that were spoken in confidence, in a log that
    somebody keeps. So nothing of a frame's text is ever looked at here, nor of a tool's arguments and results."""
    match frame:
        case frames.SpeechStarted():
            return "voice activity began"
        case frames.SpeechStopped(_, silence_ms):
            return f"voice activity paused {silence_ms:.0f} ms ago"
        case frames.EndOfTurn(probability, revision):
            return f"turn {revision} is over with a probability of {probability:.2f}, says its sound"
        case frames.EndOfWords(log_probability, revision):
            return f"turn {revision} is over with a log-probability of {log_probability:.1f}, say its words"
        case frames.TurnStarted():
            return "a turn began"
        case frames.UserTurn(_, revision, typed):
            return f"turn {revision} is {'typed' if typed else 'being answered, tentatively'}"
        case frames.TurnCommitted(revision):
            return f"turn {revision} is over"
        case frames.TurnDropped():
            return "the turn came to nothing"
        case frames.Superseded(revision):
            return f"all up to turn {revision} is dropped, unheard"
        case frames.Interrupted(revision):
            return f"reply {revision} was interrupted"
        case frames.VoicePaused():
            return "the voice pauses: somebody makes a sound"
        case frames.VoiceResumed():
            return "the voice goes on"
        case frames.ReplyStarted(revision):
            return f"reply {revision} is being written"
        case frames.ReplyEnded(revision, final):
            return f"reply {revision} is written{'' if final else ' as far as its tools'}"
        case frames.ToolCall(_, name, _, revision):
            return f"reply {revision} calls the tool {name}"
        case frames.ToolResult(call):
            return f"the tool {call.name} {'was cancelled' if frame.cancelled else 'has answered'}"
        case frames.BotStartedSpeaking(revision):
            return f"reply {revision} is heard"
        case frames.BotStoppedSpeaking(revision, finished):
            return f"reply {revision} {'was heard to its end' if finished else 'fell silent'}"
        case _:
            return None
