"""Ignores everything until a wake word is heard, then listens until nobody has had anything to say for a while.

The gate stands in two places, like `llm_context`. Its ear stands *before* the listening stage, because listening starts to
transcribe by itself: for words that have a small model the cleanest way to say "not now" is to let no audio through. The audio
that only that model has looked at is kept for PREROLL_MS, and handed on when the word is recognised, so that a command that
follows without a pause is heard whole; the wake word itself, which is in that audio too, is taken out of the transcript. Its
second place is *behind* listening, before anybody decides about turns: there it holds back what is heard while asleep. Trigger
words of other names need a transcript, so for them (and only then) phrases that may hold one (`trigger_glance.py`) are
transcribed while asleep, one by one when they have ended, and forgotten unless a sentence in them begins with such a word.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Protocol

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, WakeWordDetector
from rtvi_local.pipeline import wakefulness
from rtvi_local.pipeline.frames import (
    Audio,
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Configured,
    EndOfTurn,
    Frame,
    Interrupted,
    ReplyDelivered,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TurnCommitted,
    TurnDropped,
    TurnStarted,
    WakeState,
)
from rtvi_local.pipeline.stage import Stage
from rtvi_local.stages.trigger_words import LOOSE, find, may_become

PREROLL_MS = 1500
"""The longest wake word lasts about a second, and is recognised up to 0.2 s after its end; "alexa", which is shorter, up to
0.6 s where a command follows."""
ECHO_MS = 500
"""How long after its last sound the bot's own voice may still arrive at the microphone."""
UNFINISHED_MS = 1500
"""How long the rest of a trigger phrase is waited for ("hey … computer")."""
LONGEST_LEAD_MS = 6000
"""Speech without a pause that holds no trigger word: what came before is forgotten, so that the work stays small."""


class Hearing(Protocol):
    """What the gate asks of the listening stage."""

    def doze(self, triggers: Sequence[str]) -> None: ...

    def attend(self) -> None: ...

    def evaluate(self, revision: int, *, judge: bool = True) -> None: ...

    def forget(self) -> None: ...


class WakeWordsGate(Stage):
    """Owns the state. Frames from listening pass while awake; `observe` hears how turns and replies end."""

    name: ClassVar[str] = "wake_words_gate"

    def __init__(
        self, hearing: Hearing, phrases: Sequence[str], follow_up_ms: float, *, transcribed: Sequence[str] = ()
    ) -> None:
        """`transcribed` are those of the phrases that are looked for in transcripts while asleep."""
        super().__init__()
        self._hearing = hearing
        self._phrases = tuple(phrases)
        self._transcribed = tuple(transcribed)
        self._follow_up_ms = follow_up_ms
        self._loop = asyncio.get_running_loop()
        self._state: wakefulness.State = wakefulness.Asleep()
        self._timer: asyncio.TimerHandle | None = None
        self._bot_speaks = False
        self._bot_quiet_since_ms = float(-ECHO_MS)
        self._woken_by: str | None = None
        """What recognised the wake word of the turn that is open, "model" or "text"; None in later turns."""
        self._held: list[Frame] = []
        """While asleep: the start of the speech that is being looked at, and its end if that has come."""
        self._asked = 0
        """Evaluations of the gate's own have negative revisions: turn-taking's begin at 1, and nobody else takes notice."""
        self._unfinished: asyncio.TimerHandle | None = None
        hearing.doze(self._transcribed)

    @property
    def awake(self) -> bool:
        return isinstance(self._state, wakefulness.Awake)

    @property
    def may_be_woken(self) -> bool:
        """Not by the bot's own voice."""
        return not self._bot_speaks and self._now_ms() >= self._bot_quiet_since_ms + ECHO_MS

    def announce(self) -> None:
        """Tell the client the state as it is."""
        self.emit(WakeState(self.awake, self._phrases))

    def wake(self, by: str) -> None:
        """A wake word was recognised, by the "model" or in the "text"."""
        self._woken_by = by
        self._post(wakefulness.WakeWordHeard(self._now_ms()))
        held, self._held = self._held, []
        for frame in held:
            self.forward(frame)

    def receive(self, frame: Frame) -> None:
        if isinstance(frame, Configured):
            self._follow_up_ms = frame.config.wake.follow_up_s * 1000
        if self.awake:
            self.forward(replace(frame, text=self._without_trigger(frame.text)) if isinstance(frame, Transcript) else frame)
        elif isinstance(frame, (SpeechStarted, SpeechStopped, Transcript, EndOfTurn)):
            self._overhear(frame)
        else:
            self.forward(frame)

    def observe(self, frame: Frame) -> None:
        """What the rest of the pipeline has to say, as an observer hears it: frames themselves never go back up."""
        now_ms = self._now_ms()
        match frame:
            case BotStartedSpeaking():
                self._bot_speaks = True
            case BotStoppedSpeaking():
                self._bot_speaks, self._bot_quiet_since_ms = False, now_ms
            case TurnStarted():
                self._post(wakefulness.TurnOpened(now_ms))
            case TurnCommitted() | TurnDropped():
                self._woken_by = None
                self._post(wakefulness.TurnClosed(now_ms, answered=isinstance(frame, TurnCommitted)))
            case Interrupted() | ReplyDelivered():
                self._post(wakefulness.ReplyOver(now_ms))
            case _:
                pass

    async def close(self) -> None:
        for timer in (self._timer, self._unfinished):
            if timer is not None:
                timer.cancel()
        self._timer = self._unfinished = None

    # --- asleep or awake -----------------------------------------------------------------------------------------------

    def _post(self, event: wakefulness.Event) -> None:
        was_awake = self.awake
        self._state = wakefulness.step(self._state, event, self._follow_up_ms)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = wakefulness.deadline(self._state)
        if due_ms is not None:
            self._timer = self._loop.call_at(due_ms / 1000, self._on_deadline, due_ms)
        if self.awake == was_awake:
            return
        if self.awake:
            self._wait_no_longer()
            self._hearing.attend()
        else:
            self._held.clear()
            self._hearing.doze(self._transcribed)
        self.announce()

    def _on_deadline(self, due_ms: float) -> None:
        self._post(wakefulness.Tick(max(due_ms, self._now_ms())))

    def _now_ms(self) -> float:
        return self._loop.time() * 1000

    # --- while asleep, for trigger words that only a transcript can show -----------------------------------------------

    def _overhear(self, frame: SpeechStarted | SpeechStopped | Transcript | EndOfTurn) -> None:
        match frame:
            case SpeechStarted():
                self._wait_no_longer()
                self._held = [*self._held[:1]] or [frame]
            case SpeechStopped() if self._held:
                self._held = [self._held[0], frame]
                self._asked -= 1
                self._hearing.evaluate(self._asked, judge=False)
            case Transcript(text, True, revision) if revision == self._asked and self._held:
                self._look_for_trigger(text)
            case _:
                pass

    def _look_for_trigger(self, text: str) -> None:
        speaking = len(self._held) == 1
        if not self.may_be_woken:
            self._forget()
        elif find(text, self._transcribed, "sentences") is not None:
            self.wake("text")
        elif may_become(text, self._transcribed):
            self._wait_no_longer()
            if not speaking:
                self._unfinished = self._loop.call_later(UNFINISHED_MS / 1000, self._forget)
        elif not speaking or self._now_ms() - _began_ms(self._held[0]) > LONGEST_LEAD_MS:
            self._forget()

    def _forget(self) -> None:
        self._held.clear()
        self._hearing.forget()

    def _wait_no_longer(self) -> None:
        if self._unfinished is not None:
            self._unfinished.cancel()
            self._unfinished = None

    # --- the words of a turn -------------------------------------------------------------------------------------------

    def _without_trigger(self, text: str) -> str:
        match self._woken_by:
            case "model":
                # It is known to be there: somewhere, if other talk came before it, or at the start, however it is spelt.
                found = find(text, self._phrases, "anywhere") or find(text, self._phrases, "start", LOOSE)
                if found is None and may_become(text, self._phrases):
                    return ""
            case "text":
                found = find(text, self._phrases, "sentences")
            case _:
                found = find(text, self._phrases, "start")
        return text if found is None else found.rest


class WakeWordsEar(Stage):
    """The gate's place before listening: while asleep, audio is for the small models alone."""

    name: ClassVar[str] = WakeWordsGate.name

    def __init__(self, gate: WakeWordsGate, detector: WakeWordDetector, *, lets_audio_through: bool) -> None:
        """`lets_audio_through` where other trigger words have to be transcribed as well."""
        super().__init__()
        self._gate = gate
        self._detector = detector
        self._lets_audio_through = lets_audio_through
        self._preroll: deque[Audio] = deque()
        self._preroll_samples = 0
        self._fresh = True

    def receive(self, frame: Frame) -> None:
        if not isinstance(frame, Audio):
            self.forward(frame)
        elif self._gate.awake:
            self._fresh = False
            self.forward(frame)
        else:
            self._overhear(frame)

    async def close(self) -> None:
        self._detector.close()

    def _overhear(self, frame: Audio) -> None:
        if self._lets_audio_through:
            self.forward(frame)
        else:
            self._keep(frame)
        if not self._gate.may_be_woken:
            # Nothing of it may be left within the model's sight: it recognises a word for up to 0.8 s behind its end, and by
            # then the bot's own voice would be nobody's any more.
            self._fresh = False
            return
        if not self._fresh:
            # Nor of what woke it the last time.
            self._detector.reset()
            self._fresh = True
        if self._detector.push(frame.samples) is None or self._gate.awake:
            return
        self._gate.wake("model")
        kept = list(self._preroll)
        self._preroll.clear()
        self._preroll_samples = 0
        for earlier in kept:
            self.forward(earlier)

    def _keep(self, frame: Audio) -> None:
        self._preroll.append(frame)
        self._preroll_samples += frame.samples.size
        while self._preroll_samples > PREROLL_MS * LISTENING_SAMPLE_RATE // 1000:
            self._preroll_samples -= self._preroll.popleft().samples.size


def _began_ms(frame: Frame) -> float:
    assert isinstance(frame, SpeechStarted)
    return frame.at_ms
