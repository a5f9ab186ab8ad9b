"""Frames of a conversation, as any stage emits them, become the messages that tell the client about it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timezone

from rtvi_local.config import Messages
from rtvi_local.images.picture import Picture
from rtvi_local.pipeline import frames
from rtvi_local.pipeline.floor import is_backchannel
from rtvi_local.rtvi import measurements, opt_in
from rtvi_local.rtvi.bot_output import BotOutputs
from rtvi_local.rtvi.function_calls import FunctionCalls
from rtvi_local.rtvi.messages import Message, bot, session, user
from rtvi_local.rtvi.negotiation import Dialect
from rtvi_local.rtvi.revisions import Revisions

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CLOSING_MARKS = "\"'”’»)]}*_ \n"


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


def image_data(picture: Picture, source: str) -> dict[str, object]:
    """The `data` of the server-message that brings a picture; in chunks, as most are too large for one message."""
    return {
        "type": "image",
        "source": source,
        "format": "image/jpeg",
        "width": picture.width,
        "height": picture.height,
        "bytes": base64.b64encode(picture.jpeg).decode(),
    }


class Observer:
    """One per conversation. Every *started* that it sends is followed by its *stopped* before the next one, whatever becomes
    of the work in between: clients keep a bubble open until then."""

    def __init__(self, send: Callable[[Message], None], now: Callable[[], datetime] = utc_now) -> None:
        self._out = send
        self.wanted = Messages()
        """What the client is told only if it asks for it."""
        self._now = now
        self._revisions = Revisions()
        self._outputs = BotOutputs(self._send)
        self._calls = FunctionCalls(send)
        self._user_speaks = False
        self._interim = ""
        self._llm_text: str | None = None
        """The person's words, until their turn has ended on the wire."""
        self._reply = -1
        self._thinks = False
        self._synthesizes = False
        self._speaks: int | None = None
        """Revision of the reply that is being heard."""
        self._sentence = ""

    @property
    def dialect(self) -> Dialect:
        return self._outputs.dialect

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        self._outputs.dialect = dialect

    def observe(self, frame: frames.Frame) -> None:
        for message in opt_in.about(frame, self.wanted):
            self._out(message)
        for shown in self._revisions.admit(frame):
            self._show(shown)

    def _send(self, message: Message) -> None:
        if (twin := opt_in.raw_twin(message, self.wanted, self.dialect)) is not None:
            self._out(twin)
        self._out(message)

    def _show(self, frame: frames.Frame) -> None:
        match frame:
            case frames.TurnStarted():
                self._turn_started()
            case frames.Transcript(text, final):
                self._transcribed(text, final)
            case frames.UserTurn():
                self._user_turn(frame)
            case frames.TurnCommitted(revision):
                self._begin_reply(revision)
                self._turn_ended()
            case frames.TurnDropped(_, said):
                if said:
                    # It gets no answer, but whoever reads along is to see that it was heard, and what it was.
                    self._transcription(said, final=True)
                self._turn_ended()
            case frames.Interrupted(revision):
                self._interrupted(revision)
            case frames.UserMuted(muted):
                self._send(user.UserMuteStarted() if muted else user.UserMuteStopped())
            case frames.ReplyStarted(revision):
                self._begin_reply(revision)
                self._think_no_more()
                self._thinks = True
                self._send(bot.BotLlmStarted())
            case frames.ReplyToken(text):
                self._send(bot.BotLlmText(text))
            case frames.ReplyEnded():
                self._think_no_more()
            case frames.ToolCall():
                self._calls.began(frame, self.dialect)
            case frames.ToolResult():
                self._calls.ended(frame, self.dialect)
            case frames.Clause():
                self._clause(frame)
            case frames.SynthesisStarted():
                self._synthesize_no_more()
                self._synthesizes = True
                self._send(bot.BotTtsStarted())
            case frames.SynthesisEnded():
                self._synthesize_no_more()
            case frames.BotStartedSpeaking(revision):
                self._bot_started_speaking(revision)
            case frames.Heard():
                self._outputs.heard(frame)
            case frames.BotStoppedSpeaking(revision):
                self._bot_stopped_speaking(revision)
            case frames.ReplyDelivered(revision):
                self._outputs.delivered(revision)
                self._end_sentence()
            case frames.Measured():
                self._send(measurements.of_time(frame))
            case frames.Used():
                self._send(measurements.of_amounts(frame))
            case frames.Image(picture, source):
                self._send(session.ServerMessage(image_data(picture, source)))
            case frames.WakeState(awake, words):
                state = "awake" if awake else "asleep"
                self._send(session.ServerMessage({"type": "wake-state", "state": state, "words": [*words]}))
            case frames.Failed(message, fatal):
                self._send(session.Error.saying(message, fatal=fatal))
            case _:
                pass  # audio, detectors' opinions, prompts: not the client's business

    # --- the user ------------------------------------------------------------------------------------------------------

    def _turn_started(self) -> None:
        self._interim = ""
        if not self._user_speaks:
            self._user_speaks = True
            self._send(user.UserStartedSpeaking())

    def _turn_ended(self) -> None:
        if self._user_speaks:
            self._user_speaks = False
            self._send(user.UserStoppedSpeaking())
        if self._llm_text is not None:
            self._send(user.UserLlmText(self._llm_text))
            self._llm_text = None

    def _transcribed(self, text: str, final: bool) -> None:
        """Only while the floor is the user's: a murmur over the bot is no turn, and a late one would reopen the bubble. That it
        was heard is told by itself."""
        if self._user_speaks and text.strip() and text != self._interim:
            self._interim = text
            self._transcription(text, final=False)
        elif final and not self._user_speaks and self._speaks is not None and is_backchannel(text):
            self._send(user.UserInput(text, "backchannel", self._timestamp(), True, user_id=""))

    def _transcription(self, text: str, *, final: bool) -> None:
        timestamp = self._timestamp()
        self._send(user.UserInput(text, "transcription", timestamp, final, user_id=""))
        self._send(user.UserTranscription(text, final, timestamp, user_id=""))

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _user_turn(self, turn: frames.UserTurn) -> None:
        self._begin_reply(turn.revision)
        if turn.typed:
            if turn.text:
                self._send(user.UserLlmText(turn.text))
            return
        self._transcription(turn.text, final=True)
        self._llm_text = turn.text
        if not self._user_speaks:
            self._turn_ended()

    # --- the reply -----------------------------------------------------------------------------------------------------

    def _begin_reply(self, revision: int) -> None:
        """A newer reply ends the one before it, even if nobody said so."""
        if revision > self._reply:
            self._end_reply()
            self._reply = revision

    def _end_reply(self) -> None:
        self._think_no_more()
        self._synthesize_no_more()
        self._outputs.drop()
        self._sentence = ""

    def _think_no_more(self) -> None:
        if self._thinks:
            self._thinks = False
            self._send(bot.BotLlmStopped())

    def _synthesize_no_more(self) -> None:
        if self._synthesizes:
            self._synthesizes = False
            self._send(bot.BotTtsStopped())

    def _interrupted(self, revision: int) -> None:
        if revision >= self._reply:
            self._send(bot.BotInterrupted())
            self._end_reply()

    def _clause(self, clause: frames.Clause) -> None:
        text = clause.text.strip()
        self._sentence = f"{self._sentence} {text}".strip()
        # What is left over comes when the model has ended, with or without a full stop.
        if not self._thinks or text.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_ENDS):
            self._end_sentence()
        self._outputs.add(clause)

    def _end_sentence(self) -> None:
        if self._sentence:
            self._send(bot.BotTranscription(self._sentence))
            self._sentence = ""

    # --- the voice -----------------------------------------------------------------------------------------------------

    def _bot_started_speaking(self, revision: int) -> None:
        if self._speaks == revision:
            return
        if self._speaks is not None:
            self._send(bot.BotStoppedSpeaking())
        self._speaks = revision
        self._send(bot.BotStartedSpeaking())
        self._outputs.started(revision)

    def _bot_stopped_speaking(self, revision: int) -> None:
        if self._speaks is None or revision < self._speaks:
            return
        self._speaks = None
        self._outputs.stopped()
        self._send(bot.BotStoppedSpeaking())
