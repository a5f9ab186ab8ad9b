"""The voice's end of the pipeline: plays replies by the clock, and knows what was heard of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from rtvi_local.audio.pcm import Int16, faded, mixed, scaled
from rtvi_local.audio.resampling import resampled
from rtvi_local.pipeline.frames import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    Clause,
    Cue,
    Frame,
    Heard,
    Interrupted,
    Measured,
    ReplyDelivered,
    ReplyEnded,
    ReplyStarted,
    Speech,
    Superseded,
    TurnCommitted,
    TurnStarted,
    VoicePaused,
    VoiceResumed,
)
from rtvi_local.pipeline.playback import Hole, Playback
from rtvi_local.pipeline.stage import Stage

FRAME_MS = 20
"""What one packet of every transport holds."""
FADE_MS = 30
"""Long enough not to click, short enough to count as silence at once."""
CATCH_UP_FRAMES = 5
"""After a stall, at most this much is sent in one go; what is late beyond it has been missed, not delayed for ever."""

LATE_IN_CLAUSE, LATE_BETWEEN_CLAUSES = "voice.late_in_clause", "voice.late_between_clauses"
"""What is measured of a voice that was not there in time, in the middle of a reply. Packets of silence go out meanwhile: nobody
could tell it by them."""


class Speaker(Stage):
    """Sends 20 ms frames at an even pace, silence too. Holds a reply until its turn is committed."""

    name: ClassVar[str] = "speaker"

    def __init__(
        self,
        send_audio: Callable[[Int16], None],
        output_rate: int,
        clear_audio: Callable[[], None] = lambda: None,
        unsent_frames: Callable[[], int] = lambda: 0,
    ) -> None:
        """`clear_audio`, `unsent_frames`: see `transports.interface.Transport`."""
        super().__init__()
        self._unsent_frames = unsent_frames
        self._send_audio = send_audio
        self._clear_audio = clear_audio
        self.output_rate = output_rate
        self._frame_samples = output_rate * FRAME_MS // 1000
        self._fade_samples = output_rate * FADE_MS // 1000
        self._silence: Int16 = np.zeros(self._frame_samples, np.int16)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When the next frame is to be sent, unless it is silence that may come late."""
        self._rests_frames = 0
        """How many frames from `_due` on may come late."""
        self._lead_s = 0.0
        """By how much this reply began before its turn, and so runs ahead of an even pace since the start."""
        self._playback: Playback | None = None
        self._committed = 0
        self._dead = 0
        self._paused = False
        self._audible = False
        self._fade_in = False
        self._volume = 1.0
        self._tail: Int16 = self._silence[:0]
        """The end of a faded voice: still to be sent, no longer part of what counts as heard."""
        self._cue: Int16 = self._silence[:0]
        """What is left of a sound that fills the wait for the reply."""

    def set_volume(self, volume: float) -> None:
        """0 … 1, from the next frame on."""
        self._volume = volume

    def start(self) -> None:
        """Begin to send. Until then nothing leaves."""
        self._due = self._loop.time()
        self._timer = self._loop.call_at(self._due, self._tick)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def receive(self, frame: Frame) -> None:
        match frame:
            case ReplyStarted(revision) if revision > self._dead:
                if self._playback is None or self._playback.revision != revision:
                    self._playback = Playback(revision, self.output_rate)
            case Clause() if self._is_current(frame.revision):
                self._current.expect(frame)
            case Speech() if self._is_current(frame.revision):
                self._current.add(frame)
            case ReplyEnded(revision, True) if self._is_current(revision):
                self._current.end()
            case TurnCommitted(revision):
                self._committed = revision
            case Superseded(revision) | Interrupted(revision):
                self._drop(revision)
            case Cue(samples, sample_rate, revision) if not self._is_ready(revision):
                self._cue = resampled(samples, sample_rate, self.output_rate)
            case TurnStarted():
                self._end_cue()
            case VoicePaused():
                self._pause()
            case VoiceResumed():
                self._resume()
            case _:
                pass
        self.forward(frame)
        self._deliver_what_is_only_shown()
        self._begin_at_once()

    @property
    def is_heard(self) -> bool:
        """From the first sound of a reply to its end, while it is paused too."""
        return self._audible

    @property
    def has_all(self) -> bool:
        """Of the reply that is played, or is to be: nothing is left to be made."""
        return self._playback is not None and self._playback.is_whole

    @property
    def _current(self) -> Playback:
        assert self._playback is not None
        return self._playback

    def _is_current(self, revision: int) -> bool:
        return self._playback is not None and self._playback.revision == revision

    def _may_play(self) -> bool:
        return self._playback is not None and self._playback.revision <= self._committed and not self._paused

    def _is_ready(self, revision: int) -> bool:
        """Whether the reply has sound already, or is dead: then there is no wait to be filled."""
        return revision <= self._dead or (self._is_current(revision) and self._current.has_sound)

    def _end_cue(self) -> None:
        """Fade what is left of it, over what is played meanwhile."""
        self._cue = faded(self._cue[: self._fade_samples], 1.0, 0.0)

    def _drop(self, revision: int) -> None:
        self._dead = max(self._dead, revision)
        self._end_cue()
        if self._playback is None or self._playback.revision > revision:
            return
        if self._audible:
            # Before the fade is sent: what waits is older than it.
            self._clear_audio()
            self._fade_out()
            self._fall_silent(finished=False)
        self._playback = None
        self._paused = False
        self._fade_in = False

    def _pause(self) -> None:
        if not self._paused:
            self._fade_out()
            self._end_cue()
            self._paused = True

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._fade_in = self._audible

    def _fade_out(self) -> None:
        if self._audible and not self._paused:
            tail = self._current.peek(self._fade_samples)
            self._tail = faded(tail, 1.0, 0.0)

    def _fall_silent(self, *, finished: bool) -> None:
        self._audible = False
        self.emit(BotStoppedSpeaking(self._current.revision, finished, self._loop.time() * 1000))

    def _deliver_what_is_only_shown(self) -> None:
        """Text that is not spoken needs no clock."""
        playback = self._playback
        if playback is not None and self._may_play() and not playback.has_sound:
            self._report(playback.take(0)[1])

    def _begin_at_once(self) -> None:
        """The first sound of a reply does not wait for the next frame's time (10 ms on average). The silence after the reply
        is stretched by as much, so that nothing adds up."""
        waiting = self._timer is not None and not self._audible and not self._tail.size
        if waiting and self._may_play() and self._current.has_sound:
            now = self._loop.time()
            self._make_up_for_rest(now)
            if self._timer is not None and now < self._due:
                self._timer.cancel()
                self._lead_s += self._due - now
                self._due = now
                self._tick()

    def _tick(self) -> None:
        now = self._loop.time()
        self._make_up_for_rest(now - FRAME_MS / 2000)
        for _ in range(CATCH_UP_FRAMES):
            self._send_audio(scaled(self._next_frame(), self._volume))
            self._due += FRAME_MS / 1000
            if self._due > now:
                break
        self._due = max(self._due, now)
        if self._lead_s and not self._audible:
            self._due += self._lead_s
            self._lead_s = 0.0
        is_idle = self._playback is None and not self._tail.size and not self._cue.size
        self._rests_frames = self._unsent_frames() if is_idle else 0
        self._timer = self._loop.call_at(self._due + self._rests_frames * FRAME_MS / 1000, self._tick)

    def _make_up_for_rest(self, now: float) -> None:
        """Send the silence that was not sent in time, because nothing leaves for it."""
        while self._rests_frames and self._due <= now:
            self._rests_frames -= 1
            self._send_audio(self._silence)
            self._due += FRAME_MS / 1000

    def _next_frame(self) -> Int16:
        frame = self._voice_frame()
        if not self._cue.size:
            return frame
        cue, self._cue = self._cue[: self._frame_samples], self._cue[self._frame_samples :]
        return mixed(frame, self._padded(cue))

    def _voice_frame(self) -> Int16:
        if self._tail.size:
            frame, self._tail = self._tail[: self._frame_samples], self._tail[self._frame_samples :]
            return self._padded(frame)
        playback = self._playback
        if playback is None or not self._may_play():
            return self._silence
        samples, heard = playback.take(self._frame_samples)
        if playback.hole is not None:
            self._report_late(playback.hole, playback.revision)
        if samples.size:
            if self._fade_in:
                samples = faded(samples, 0.0, 1.0)
                self._fade_in = False
            if not self._audible:
                self._audible = True
                self._end_cue()
                self.emit(BotStartedSpeaking(playback.revision, self._loop.time() * 1000))
        self._report(heard)
        return self._padded(samples)

    def _report(self, heard: list[Heard]) -> None:
        for frame in heard:
            self.emit(frame)
        if self._playback is not None and self._playback.delivered:
            if self._audible:
                self._fall_silent(finished=True)
            revision = self._playback.revision
            self._playback = None
            self._end_cue()
            self.emit(ReplyDelivered(revision))

    def _report_late(self, hole: Hole, revision: int) -> None:
        what = LATE_IN_CLAUSE if hole.in_clause else LATE_BETWEEN_CLAUSES
        self.emit(Measured(what, "processing", hole.samples / self.output_rate, "", revision))

    def _padded(self, samples: Int16) -> Int16:
        missing = self._frame_samples - samples.size
        return samples if missing == 0 else np.concatenate([samples, self._silence[:missing]])
