"""Which frames the client may learn of, and when: what belongs to a turn that is still tentative waits for its commitment.

The bug prevented: a client that saw the reply to half a sentence. Speculative work that came to nothing must leave no trace
on the wire, and what is shown must come in the order of a turn, whatever the order of the work was.
"""

from __future__ import annotations

from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Cue,
    EndOfTurn,
    EndOfWords,
    Frame,
    Interrupted,
    Measured,
    Prompt,
    Speech,
    SpeechSuspected,
    Superseded,
    ToolResult,
    Transcript,
    TurnCommitted,
    TurnDropped,
    Used,
    UserTurn,
)

_NONE = -1
_UNSEEN = (Prompt, Speech, Cue, SpeechSuspected, EndOfTurn, EndOfWords)
"""Never shown, and too large to keep for nothing."""


class Revisions:
    """Holds the frames of the newest tentative turn; the committed turn's pass; those of all others are dropped.

    A committed reply stays alive while a newer turn is tentative (somebody murmurs over it, and it goes on), until that is
    committed too or the reply is interrupted.
    """

    def __init__(self) -> None:
        self.committed = _NONE
        """The revision whose reply may be shown."""
        self._newest = _NONE
        self._dead = _NONE
        self._held: list[Frame] = []

    def admit(self, frame: Frame) -> list[Frame]:
        """What can be shown now that `frame` has come, in this order."""
        match frame:
            case TurnDropped():
                if self._newest > self.committed:
                    self._kill(self._newest)
                return [frame]
            case Superseded(revision) | Interrupted(revision):
                self._kill(revision)
                return [frame]
            case BotStoppedSpeaking():
                return [frame]  # an interrupted voice falls silent after its revision died
            case ToolResult():
                return [frame]  # and so is a call cancelled
            case TurnCommitted(revision):
                return self._commit(revision, frame)
            case UserTurn(revision=revision, typed=True):
                return [*self._commit(revision, None), frame] if self._lives(revision) else []
            case BotStartedSpeaking(revision, at_ms) if self._lives(revision) and revision > self.committed:
                # Nothing tentative is ever heard. (A greeting has a reply but no turn that could be committed.)
                return [*self._commit(revision, TurnCommitted(revision, at_ms)), frame]
            case Transcript():
                # Neither held nor dead with its revision, which is only that of the last evaluation before it: the words
                # were said, and the person sees that they were heard.
                self._notice(frame.revision)
                return [frame]
            case Measured(revision=0) | Used(revision=0):
                return [frame]
            case _:
                return self._ordinary(frame, getattr(frame, "revision", None))

    def _ordinary(self, frame: Frame, revision: int | None) -> list[Frame]:
        if revision is None:
            return [frame]
        if not self._lives(revision):
            return []
        if revision == self.committed:
            return [frame]
        if not isinstance(frame, _UNSEEN):
            self._held.append(frame)
        return []

    def _lives(self, revision: int) -> bool:
        """Whether anything of this revision may still be shown."""
        self._notice(revision)
        return revision > self._dead and (revision == self.committed or revision == self._newest)

    def _notice(self, revision: int) -> None:
        """A newer revision supersedes what is held of the one before."""
        if revision > self._newest:
            self._newest = revision
            self._held.clear()

    def _kill(self, revision: int) -> None:
        self._dead = max(self._dead, revision)
        if self._newest <= self._dead:
            self._held.clear()

    def _commit(self, revision: int, committed: TurnCommitted | None) -> list[Frame]:
        """The person's words come first, the end of their turn after them, then what was held. A typed turn ends no speech."""
        if not self._lives(revision):
            return []
        if revision == self.committed:
            # Said twice (typed turns are their own commitment): what is held belongs to a newer turn.
            return [committed] if committed else []
        self.committed = revision
        turns = [frame for frame in self._held if isinstance(frame, UserTurn)]
        work = [frame for frame in self._held if not isinstance(frame, UserTurn)]
        self._held.clear()
        return [*turns, *([committed] if committed else []), *work]
