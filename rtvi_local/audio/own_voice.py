"""Whether what the microphone delivers is more than the own voice coming back. Pure; no clock: samples in, answers out.

Nothing is computed while nothing has been sent for as long as an echo may take. While something is sent it costs about 0.1 ms
for every 20 ms.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from rtvi_local.audio.bands import BANDS, FLOOR_DB, band_levels, window_samples
from rtvi_local.audio.echo_path import DELAYS, FRAME_MS, EchoPath
from rtvi_local.audio.hindsight import Hindsight
from rtvi_local.audio.pcm import Float32, Int16, to_float
from rtvi_local.audio.surprise import Evidence, excess
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE

QUIETEST_DB, QUIET_DB = -75.0, -60.0
"""The room's noise in one band: between these (a microphone that is off has none), and the latter before it is known."""
NOISE_RISES_DB = 0.05
"""In a frame; it falls at once."""
MOST_JITTER_FRAMES = 8
"""By how much frames in either direction may come early or late, again and again."""
STALLED_FRAMES = 25
"""By so much they may be late once. Those come all at once; if they don't, the client has left out some, and their time is
counted anew."""
_FOLLOWS = 0.02
"""Frames in a frame, by which an offset that was once seen is given up."""
_HEARD_FOR_FRAMES = DELAYS + MOST_JITTER_FRAMES
"""After the last sound, which may come back for so long."""
_BLOCK = LISTENING_SAMPLE_RATE * FRAME_MS // 1000


class OwnVoice:
    """One conversation's. `sent` takes what goes to the client, `explains` what comes from it."""

    def __init__(self, output_rate: int, *, silence_is_quiet: bool = False) -> None:
        """`silence_is_quiet`: see `transports.interface.Transport`."""
        self._rate = output_rate
        self.path = EchoPath(silence_is_quiet=silence_is_quiet)
        self._sent: Float32 = np.full((DELAYS + STALLED_FRAMES, BANDS), FLOOR_DB, np.float32)
        """The levels of the last frames, the newest first."""
        self._sent_tail: Float32 = np.zeros(window_samples(output_rate), np.float32)
        self._silent_frames = _HEARD_FOR_FRAMES
        self._frames_sent = 0
        self._heard_tail: Float32 = np.zeros(window_samples(LISTENING_SAMPLE_RATE), np.float32)
        self._pending: Float32 = self._heard_tail[:0]
        self._frames_heard = 0
        self._ahead = math.inf
        """How many more frames had been sent than heard; counted anew for each reply."""
        self._stall: deque[int] = deque(maxlen=3)
        """By how much the last frames were late, while that is more than jitter."""
        self._noise: Float32 = np.full(BANDS, QUIET_DB, np.float32)
        self._evidence = Evidence()
        self._is_own = False
        self._hindsight = Hindsight()

    @property
    def may_be_heard(self) -> bool:
        """Whether something was sent so lately that it may still come back."""
        return self._silent_frames < _HEARD_FOR_FRAMES

    def sent(self, samples: Int16) -> None:
        """The next 20 ms at the output's rate, silence too."""
        self._frames_sent += 1
        if samples.any():
            self._silent_frames = 0
        else:
            self._silent_frames += 1
            if not self.may_be_heard:
                self._sent_tail[:] = 0
                return
        self._sent_tail = np.concatenate([self._sent_tail, to_float(samples)])[-self._sent_tail.size :]
        self._sent[1:] = self._sent[:-1].copy()
        self._sent[0] = band_levels(self._sent_tail, self._rate)

    def explains(self, samples: Int16) -> bool:
        """Whether these samples (16 kHz) hold nothing that stands out of the own voice, which may be heard now.

        Of pieces shorter than 20 ms some complete no frame; what the last one said holds on."""
        self._pending = np.concatenate([self._pending, to_float(samples)])
        if self._pending.size < _BLOCK:
            return self._is_own and self.may_be_heard
        own = True
        while self._pending.size >= _BLOCK:
            block, self._pending = self._pending[:_BLOCK], self._pending[_BLOCK:]
            self._heard_tail = np.concatenate([self._heard_tail, block])[-self._heard_tail.size :]
            self._frames_heard += 1
            own = self._explains_frame() and own
        self._is_own = own
        return own

    def others(self) -> tuple[int, ...]:
        """While the path is new: in which of the last frames somebody else sounded after all, whether they were explained
        then or not, by how many frames ago."""
        return self._hindsight.others(self._frames_heard, self._noise) if self.may_be_heard else ()

    def _explains_frame(self) -> bool:
        if not self.may_be_heard:
            # Silence is sent and heard in bursts, which tell nothing of how late anything is.
            self._ahead = math.inf
            self._evidence.forget()
            return False
        levels = band_levels(self._heard_tail, LISTENING_SAMPLE_RATE)
        sent = self._sent_by(self._frames_late())
        explained = self.path.heard(levels, sent)
        self._noise = np.clip(levels, QUIETEST_DB, np.minimum(self._noise + NOISE_RISES_DB, QUIET_DB))
        others = self._evidence.suffices(float(excess(levels, explained, self._noise)))
        if self.path.is_settled:
            self._hindsight.forget()
        elif self.path.learns_from(levels):
            self._hindsight.note(self._frames_heard, levels, sent)
        return not others

    def _frames_late(self) -> int:
        """How many frames have been sent since the one that was sent when this frame was heard.

        Both come by one clock, each with its own jitter and in its own bursts; the difference of their numbers is true when it
        is least. But the silence behind a reply is sent late: while it is, they are taken to be as far apart as before, and
        below 0 is how much of it is still to be sent."""
        ahead = self._frames_sent - self._frames_heard
        is_less = ahead < self._ahead and (not self._silent_frames or math.isinf(self._ahead))
        if is_less or self._are_left_out(ahead - self._ahead):
            self._ahead = float(ahead)
        late = round(ahead - self._ahead)
        self._ahead += _FOLLOWS
        return late

    def _are_left_out(self, late: float) -> bool:
        """Whether frames that should have been heard never will be: after a stall they would come faster than they are sent."""
        if late <= MOST_JITTER_FRAMES:
            self._stall.clear()
            return False
        self._stall.append(round(late))
        catches_up = len(self._stall) < 3 or self._stall[-1] < self._stall[0]
        return late > STALLED_FRAMES or not catches_up

    def _sent_by(self, late: int) -> Float32:
        """The levels (DELAYS, BANDS) of what had been sent so many frames ago, the newest first; below 0, of what should have
        been sent since."""
        unsent = np.full((min(max(0, -late), DELAYS), BANDS), FLOOR_DB, np.float32)
        return np.concatenate([unsent, self._sent[max(0, late) :]])[:DELAYS]
