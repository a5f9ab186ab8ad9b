"""Where the time between a person's last sound and the bot's first went. Pure: an observer that reads a clock it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    ButtonReleased,
    Clause,
    Frame,
    Measured,
    ReplyToken,
    Speech,
    SpeechStopped,
    Transcript,
    TurnCommitted,
    UserTurn,
)

STEPS: dict[str, tuple[str, ...]] = {
    "hearing": ("jitter_buffer", "vad", "silence"),
    "transcription": ("stt_wait", "stt_encode", "stt_decode"),
    "first_token": ("prefill", "first_token"),
    "first_clause": ("first_clause",),
    "first_sound": ("tts_wait", "tts_phonemes", "tts_encode", "tts_decode"),
    "turn_decision": ("turn_decision",),
    "queue": ("queue",),
    "packet": ("packet",),
}
"""What has to be reached, in the order of time, and the parts of each. A step lasts from the end of the one before to its own;
one that was done before counts as nothing. Of what an engine says of itself (Measured), the last part is the latest; what it
does not account for is the first part's: the wait for its thread, or the reading of the prompt."""
PARTS = tuple(part for parts in STEPS.values() for part in parts)

_MEASURED = {
    "whisper.encode": "stt_encode",
    "whisper.decode": "stt_decode",
    "llm.first_token": "first_token",
    "piper.phonemes": "tts_phonemes",
    "piper.encode": "tts_encode",
    "piper.decode": "tts_decode",
}

LONGEST_TRAIL_MS = 400.0
"""How much longer than there is sound the voice activity detector may hear speech. Beyond that the speech was too quiet for its
end to be known by its level."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The parts of one turn, in milliseconds; their sum is the time from the arrival of the last sound (by its level, or if
    the voice activity detector heard the end sooner, by that) to when the first audible packet was given to the network."""

    revision: int
    parts: dict[str, float]
    began_ms: float = 0.0
    """When that sound arrived, on the clock of the trace."""

    @property
    def total_ms(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class _Pause:
    """Somebody has fallen silent."""

    stopped: SpeechStopped
    noticed_ms: float


@dataclass(slots=True)
class _Turn:
    """What is known of one revision."""

    revision: int
    pause: _Pause | None = None
    """The one that ended it, from its commit on. A breath, or a word, between that and the answer is not what is answered."""
    reached_ms: dict[str, float] = field(default_factory=dict)
    measured_ms: dict[str, float] = field(default_factory=dict)


class Trace:
    """Feed it every frame, and call `sent` after each packet; it reports a waterfall when a spoken turn's answer becomes
    audible."""

    def __init__(self, now_ms: Callable[[], float], report: Callable[[Waterfall], None]) -> None:
        self._now_ms = now_ms
        self._report = report
        self._pause: _Pause | None = None
        self._turns: dict[int, _Turn] = {}
        self._leaving: _Turn | None = None

    def observe(self, frame: Frame) -> None:
        match frame:
            case SpeechStopped():
                self._pause = _Pause(frame, self._now_ms())
            case ButtonReleased(at_ms, waited_ms):
                # Whatever was heard last: this is when the person is done.
                self._pause = _Pause(SpeechStopped(at_ms, waited_ms), self._now_ms())
            case Measured(processor, "processing", value_s, _, revision) if part := _MEASURED.get(processor):
                self._of(revision).measured_ms.setdefault(part, value_s * 1000)
            case Transcript(_, True, revision):
                self._mark("transcription", revision)
            case UserTurn(revision=revision, typed=False):
                # Where the final transcription was late and interim words had to do. The slowest turns count too.
                self._mark("transcription", revision)
            case ReplyToken(_, revision):
                self._mark("first_token", revision)
            case Clause():
                self._mark("first_clause", frame.revision)
            case Speech() if frame.samples.size:
                self._mark("first_sound", frame.revision)
            case TurnCommitted(revision):
                self._commit(self._of(revision))
            case BotStartedSpeaking(revision) if revision in self._turns:
                self._leave(self._turns.pop(revision))
            case _:
                pass

    def sent(self) -> None:
        """A packet, of silence or not, was given to the network."""
        if (turn := self._leaving) is not None and turn.pause is not None:
            self._reach("packet", turn)
            self._leaving = None
            parts = _parts(turn, turn.pause)
            self._report(Waterfall(turn.revision, parts, self._now_ms() - sum(parts.values())))

    def _commit(self, turn: _Turn) -> None:
        self._reach("turn_decision", turn)
        turn.pause, self._pause = self._pause, None
        self._turns = {turn.revision: turn}

    def _leave(self, turn: _Turn) -> None:
        """Its first sound is being sent. What was typed has no pause of its own, and no words that were heard."""
        if turn.pause is not None and "transcription" in turn.reached_ms:
            self._reach("queue", turn)
            self._leaving = turn

    def _of(self, revision: int) -> _Turn:
        """Of those before a new one, only what was committed can still be answered."""
        if revision not in self._turns:
            self._turns = {at: turn for at, turn in self._turns.items() if at > revision or turn.pause is not None}
            self._turns[revision] = _Turn(revision)
        return self._turns[revision]

    def _mark(self, step: str, revision: int) -> None:
        self._reach(step, self._of(revision))

    def _reach(self, step: str, turn: _Turn) -> None:
        turn.reached_ms.setdefault(step, self._now_ms())


def _parts(turn: _Turn, pause: _Pause) -> dict[str, float]:
    parts, reached = _hearing(pause), pause.noticed_ms
    for step, names in list(STEPS.items())[1:]:
        mark = max(reached, turn.reached_ms.get(step, reached))
        parts |= _shared(mark - reached, names, turn.measured_ms)
        reached = mark
    return parts


def _hearing(pause: _Pause) -> dict[str, float]:
    """From the last sound to the suspicion that it was the last."""
    stopped, noticed_ms = pause.stopped, pause.noticed_ms
    speech_end_ms = stopped.at_ms - stopped.silence_ms
    is_known = stopped.sounded_ms is not None and speech_end_ms - stopped.sounded_ms < LONGEST_TRAIL_MS
    began_ms = min(speech_end_ms, stopped.sounded_ms) if is_known and stopped.sounded_ms is not None else speech_end_ms
    held_ms = max(0.0, noticed_ms - (stopped.arrived_ms if stopped.arrived_ms is not None else noticed_ms))
    # The detector's windows are no multiple of packets: what is left of the packet that decided is its own time too.
    vad_ms = noticed_ms - began_ms - stopped.silence_ms - held_ms
    return {"jitter_buffer": held_ms, "vad": vad_ms, "silence": stopped.silence_ms}


def _shared(lasted_ms: float, names: tuple[str, ...], measured_ms: dict[str, float]) -> dict[str, float]:
    """A step's time by its parts: the last is the latest, so what was done before the step began is cut off the first."""
    shares: dict[str, float] = {}
    for name in reversed(names[1:]):
        shares[name] = min(lasted_ms, measured_ms.get(name, 0.0))
        lasted_ms -= shares[name]
    return {names[0]: lasted_ms, **dict(reversed(shares.items()))}
