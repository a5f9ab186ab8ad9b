"""A sound that says "I heard you, and I am working on it", each time a spoken turn is over.

It is played by the speaker without counting as a reply: no bot-started-speaking, no bot-output, nothing in the context. Clients
that show when the bot speaks would otherwise show it speaking before it has anything to say, and a listener that cuts the
context at what was heard has nothing to cut. The reply waits for nothing: its first sound takes over by a cross-fade of 30 ms,
and where the reply is ready when the turn is committed no sound is played at all.
"""

from __future__ import annotations

from typing import ClassVar

from rtvi_local.audio.cues import cue
from rtvi_local.audio.pcm import Int16
from rtvi_local.pipeline.frames import Configured, Cue, Frame, TurnCommitted, UserTurn
from rtvi_local.pipeline.stage import Stage


class ProcessingSoundEmitter(Stage):
    name: ClassVar[str] = "processing_sound_emitter"

    def __init__(self, sound: Int16, sample_rate: int) -> None:
        """`sound` may be empty: then nothing is played."""
        super().__init__()
        self._sound = sound
        self._sample_rate = sample_rate
        self._turn: UserTurn | None = None

    def receive(self, frame: Frame) -> None:
        # Passed on first: the speaker must know that the reply may be heard before it is offered something to play instead.
        self.forward(frame)
        match frame:
            case Configured(config):
                self._sound = cue(config.sounds.processing, self._sample_rate)
            case UserTurn():
                self._turn = frame
            case TurnCommitted(revision):
                turn, self._turn = self._turn, None
                # Whoever typed looks at a screen, and phrase endpointing had nothing to decide.
                if turn is not None and turn.revision == revision and not turn.typed and self._sound.size:
                    self.emit(Cue(self._sound, self._sample_rate, revision))
            case _:
                pass
