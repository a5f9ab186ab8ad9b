"""Decides when a person's turn is over: the one owner of the turn-taking state."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, cast

from typing_extensions import assert_never

from rtvi_local.config import Config
from rtvi_local.pipeline import turn_states as turns
from rtvi_local.pipeline.frames import (
    ButtonPressed,
    ButtonReleased,
    Configured,
    EndOfTurn,
    EndOfWords,
    Failed,
    Frame,
    Interrupted,
    ReplyDelivered,
    SpeechStarted,
    SpeechStopped,
    SpeechSuspected,
    Superseded,
    Transcript,
    TurnCommitted,
    TurnDropped,
    TurnStarted,
    UserMuted,
    UserTurn,
    VoicePaused,
    VoiceResumed,
)
from rtvi_local.pipeline.stage import Stage
from rtvi_local.pipeline.turn_taking import step
from rtvi_local.pipeline.turn_waits import LONGEST_TRANSCRIPTION_MS, Interruptions, Policy, deadline, learnt

log = logging.getLogger(__name__)


def turn_policy(config: Config, *, detects_end: bool) -> Policy:
    """The settings as turn-taking takes them."""
    section = config.turns
    return Policy(
        wait_complete_ms=section.wait_complete_ms,
        wait_incomplete_ms=section.wait_incomplete_ms,
        wait_unjudged_ms=section.wait_unjudged_ms,
        detects_end=detects_end,
        max_turn_ms=section.max_turn_ms,
        interruptions=cast(Interruptions, section.interruptions),
        knows_words=config.stt.interim_ms > 0,
    )


class PhraseEndpointing(Stage):
    """Turns what was heard into events, and effects into frames. Every state change happens in `_run`, one event at a time."""

    name: ClassVar[str] = "phrase_endpointing"

    def __init__(self, policy: Policy, evaluate: Callable[[int], None], forget: Callable[[], None]) -> None:
        super().__init__()
        self._policy = policy
        self._evaluate = evaluate
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._state: turns.State = turns.Idle()
        self._events: deque[turns.Event] = deque()
        self._running = False
        self._timer: asyncio.TimerHandle | None = None
        self._speak_reply = True
        self._say: str | None = None
        self._language: str | None = None
        """Of the newest transcript."""
        self._muted = False
        self._held = False
        """The person holds the button, and may pause as long as they like."""

    @property
    def state(self) -> turns.State:
        return self._state

    def receive(self, frame: Frame) -> None:
        match frame:
            case SpeechSuspected():
                self.post(turns.SpeechSuspected(self._now_ms()))
            case SpeechStarted(at_ms):
                self.post(turns.SpeechBegan(at_ms))
            case ButtonPressed(at_ms):
                self._held = True
                self.post(turns.Pressed(at_ms))
            case ButtonReleased(at_ms, _):
                self._held = False
                self.post(turns.Released(at_ms))
            case SpeechStopped(at_ms, silence_ms, masked=masked) if not self._held:
                self.post(turns.SpeechPaused(at_ms, at_ms - silence_ms, masked))
            case Transcript(text, final, revision, language):
                self._language = language
                now_ms = self._now_ms()
                self.post(turns.Transcribed(now_ms, text, revision) if final else turns.WordsSoFar(now_ms, text))
            case EndOfTurn(probability, revision):
                self.post(turns.EndJudged(self._now_ms(), probability, revision))
            case Configured(config, engines):
                policy = turn_policy(config, detects_end=engines.turn_detector is not None)
                self._policy = replace(policy, pace_ms=self._policy.pace_ms)  # what was learnt of the person stays
                self._set_timer()
                self._tell_if_muted()
            case _:
                pass
        self.forward(frame)

    def observe(self, frame: Frame) -> None:
        """What the end of the pipeline has to say, as an observer hears it: frames themselves never go back up."""
        if isinstance(frame, ReplyDelivered):
            self.post(turns.Delivered(self._now_ms(), frame.revision))
        elif isinstance(frame, EndOfWords):
            self.post(turns.WordsJudged(self._now_ms(), frame.log_probability, frame.revision))

    def type_text(self, text: str, *, speak_reply: bool, say: str | None = None) -> None:
        """A turn in text: it takes the floor at once. Empty text has the model go on from what the context holds; `say` is
        a reply that needs no model."""
        self._speak_reply, self._say = speak_reply, say
        self.post(turns.Typed(self._now_ms(), text))

    def hush(self) -> None:
        """Drop whatever is being said."""
        self.post(turns.Hushed(self._now_ms()))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def post(self, event: turns.Event) -> None:
        """Take an event in. Events that effects bring about wait until all effects before them have been carried out."""
        self._events.append(event)
        if self._running:
            return
        self._running = True
        try:
            while self._events:
                before, event = self._state, self._events.popleft()
                self._state, effects = step(before, event, self._policy)
                self._policy = learnt(self._policy, before, event, self._state)
                for effect in effects:
                    self._carry_out(effect)
        finally:
            self._running = False
        self._set_timer()
        self._tell_if_muted()

    def _tell_if_muted(self) -> None:
        muted = self._policy.interruptions == "never" and isinstance(self._state, turns.Answering)
        if muted != self._muted:
            self._muted = muted
            self.emit(UserMuted(muted))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = deadline(self._state, self._policy)
        if due_ms is not None:
            self._timer = self._loop.call_at(due_ms / 1000, self._on_deadline, due_ms)

    def _on_deadline(self, due_ms: float) -> None:
        # The clock may be a rounding error short of the deadline, and a Tick too early would not be repeated.
        self.post(turns.Tick(max(due_ms, self._now_ms())))

    def _carry_out(self, effect: turns.Effect) -> None:
        match effect:
            case turns.OpenTurn():
                self.emit(TurnStarted(self._now_ms()))
            case turns.Evaluate(revision):
                self._evaluate(revision)
            case turns.Think(revision, text, typed):
                self.emit(
                    UserTurn(text, revision, True, self._speak_reply, self._say)
                    if typed
                    else UserTurn(text, revision, language=self._language)
                )
            case turns.Commit(revision, provisional):
                self.emit(TurnCommitted(revision, self._now_ms(), provisional))
            case turns.Supersede(revision):
                self.emit(Superseded(revision))
            case turns.DropTurn(revision, said, gave_up):
                self.emit(Superseded(revision))
                if gave_up:
                    log.warning("no words of a turn became known in %.1f s", LONGEST_TRANSCRIPTION_MS / 1000)
                    self.emit(Failed("What you said could not be transcribed in time. Please say it again."))
                self.emit(TurnDropped(self._now_ms(), said))
            case turns.Interrupt(revision, rejoins):
                self.emit(Interrupted(revision, self._now_ms(), rejoins))
            case turns.PauseVoice():
                self.emit(VoicePaused())
            case turns.ResumeVoice():
                self.emit(VoiceResumed())
            case turns.ForgetAudio():
                self._forget()
            case _:
                assert_never(effect)

    def _now_ms(self) -> float:
        return self._loop.time() * 1000
