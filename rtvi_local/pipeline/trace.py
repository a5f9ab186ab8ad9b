"""Where the time between a person's last sound and the bot's first went. Pure: an observer that reads a clock it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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

    @property
    def total_ms(self) -> float:
        return sum(self.parts.values())


class Trace:
    """Feed it every frame, and call `sent` after each packet; it reports a waterfall when a spoken turn's answer becomes
    audible."""

    def __init__(self, now_ms: Callable[[], float], report: Callable[[Waterfall], None]) -> None:
        self._now_ms = now_ms
        self._report = report
        self._stopped = SpeechStopped(0.0, 0.0)
        self._revision = 0
        self._marks: dict[str, float] = {}
        self._measured: dict[tuple[int, str], float] = {}
        self._leaving = False

    def observe(self, frame: Frame) -> None:
        match frame:
            case SpeechStopped():
                self._begin(frame)
            case ButtonReleased(at_ms, waited_ms):
                # Whatever was heard last: this is when the person is done.
                self._begin(SpeechStopped(at_ms, waited_ms))
            case Measured(processor, "processing", value_s, _, revision) if part := _MEASURED.get(processor):
                self._measured.setdefault((revision, part), value_s * 1000)
            case Transcript(_, True, revision):
                self._revision = revision
                self._mark("transcription", revision)
            case UserTurn(typed=True):
                self._marks = {}
            case UserTurn(revision=revision):
                # Where the final transcription was late and interim words had to do. The slowest turns count too.
                self._revision = revision
                self._mark("transcription", revision)
            case ReplyToken(_, revision):
                self._mark("first_token", revision)
            case Clause():
                self._mark("first_clause", frame.revision)
            case Speech() if frame.samples.size:
                self._mark("first_sound", frame.revision)
            case TurnCommitted(revision):
                self._mark("turn_decision", revision)
            case BotStartedSpeaking(revision) if revision == self._revision and self._marks:
                self._mark("queue", revision)
                self._leaving = True
            case _:
                pass

    def sent(self) -> None:
        """A packet, of silence or not, was given to the network."""
        if self._leaving:
            self._mark("packet", self._revision)
            self._report(Waterfall(self._revision, self._parts()))
            self._marks, self._leaving = {}, False

    def _begin(self, stopped: SpeechStopped) -> None:
        self._stopped = stopped
        self._marks = {"hearing": self._now_ms()}
        self._measured.clear()

    def _mark(self, step: str, revision: int) -> None:
        if revision == self._revision and self._marks:
            self._marks.setdefault(step, self._now_ms())

    def _parts(self) -> dict[str, float]:
        parts, reached = self._hearing(self._stopped), self._marks["hearing"]
        for step, names in list(STEPS.items())[1:]:
            mark = max(reached, self._marks.get(step, reached))
            parts |= self._shared(mark - reached, names)
            reached = mark
        return parts

    def _hearing(self, stopped: SpeechStopped) -> dict[str, float]:
        """From the last sound to the suspicion that it was the last."""
        noticed_ms, speech_end_ms = self._marks["hearing"], stopped.at_ms - stopped.silence_ms
        is_known = stopped.sounded_ms is not None and speech_end_ms - stopped.sounded_ms < LONGEST_TRAIL_MS
        began_ms = min(speech_end_ms, stopped.sounded_ms) if is_known and stopped.sounded_ms is not None else speech_end_ms
        held_ms = max(0.0, noticed_ms - (stopped.arrived_ms if stopped.arrived_ms is not None else noticed_ms))
        # The detector's windows are no multiple of packets: what is left of the packet that decided is its own time too.
        vad_ms = noticed_ms - began_ms - stopped.silence_ms - held_ms
        return {"jitter_buffer": held_ms, "vad": vad_ms, "silence": stopped.silence_ms}

    def _shared(self, lasted_ms: float, names: tuple[str, ...]) -> dict[str, float]:
        """A step's time by its parts: the last is the latest, so what was done before the step began is cut off the first."""
        shares: dict[str, float] = {}
        for name in reversed(names[1:]):
            shares[name] = min(lasted_ms, self._measured.get((self._revision, name), 0.0))
            lasted_ms -= shares[name]
        return {names[0]: lasted_ms, **dict(reversed(shares.items()))}
