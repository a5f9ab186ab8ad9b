"""What comes back to the microphone of what was sent: how late, how loud, in which bands. Pure; fed every 20 ms.

For each delay that the way through the network, the client's buffer, its loudspeaker and the room may have, and for each band
of frequency, it keeps how loud the echo would be *at most*, in relation to what was sent: where the loudspeaker was loud that
long ago and the microphone is quiet now, there is no such echo. Speech is loud and quiet several times a second and not in
all bands at once, so a second of it leaves of all delays only the true one and, weaker, those of the room's reverberation. A
person who talks over it changes nothing, because more sound than expected is no evidence against an echo. Evidence for a louder
one is likeness: what arrives follows what was sent at one delay, up and down, in all bands, for a fifth of a second.

Nothing here needs the phase of the sound: codecs, concealment, a drifting clock, a loudspeaker that distorts and a client that
changes its volume leave what it knows by and large right, where an adaptive filter would have to begin anew. It does not cancel
anything: it says how much of what arrives would be no surprise.
"""

from __future__ import annotations

import numpy as np

from rtvi_local.audio.bands import BANDS, FLOOR_DB
from rtvi_local.audio.pcm import Float32

FRAME_MS = 20
LONGEST_DELAY_MS = 500
"""The network there and back (100 ms), the client's buffers (200 ms), and a room's reverberation."""
DELAYS = LONGEST_DELAY_MS // FRAME_MS + 1

UNKNOWN_GAIN_DB = 6.0
"""So loud an echo could be before anything is known: until then everything that could be the own voice counts as that."""
LEAST_GAIN_DB = -60.0
"""What is weaker disturbs nobody, and must not take long to be learnt again when headphones are pulled out."""
SOONER_FRAMES = 2
PAUSE_FRAMES, SHIFTED_FRAMES = 3, 30
"""By so much sooner than it is known to an echo may come, after a pause of what is sent and for so long: what a late packet has
left in a client's buffer is let go of in a pause, where nothing can be learnt of that. It masks people: of 24 recorded over a
live echo the slowest were taken for speech after 620 ms with 45 frames, and after 420 with 30."""
MUTED_DB = FLOOR_DB + 5.0
"""A microphone that delivers digital silence is switched off, and says nothing of the room, unless it is known to be on."""
LEAST_SENT_DB = -62.0
"""In one band. What is weaker tells nothing of the echo: the room's noise is above its."""
LOUD_DB = -45.0
"""In one band. Only such sound, if anything, is heard above the room's noise, and may show that an echo is louder."""
FALL_SHARE, LEAST_FALL_DB = 0.3, 1.5
"""How fast a too high gain falls in a frame: by a share of what it is too high, and no slower than this."""
RISE_DB = 0.6
"""How fast it rises where it is not contradicted. Rise and fall balance where the echo is weaker than expected in about a
quarter of the frames: the very least would be the chance of one frame's interference. 30 dB in a second of speech follow a hand
at the volume control."""


LIKENESS = 0.15
"""How much a frame counts for what the last ones were like: 0.15 is a memory of 130 ms."""
KNOWN_AFTER_FRAMES = 30
"""With sound that could have come back. A person who speaks 0.6 s after the first sound of the first reply stands out of it."""
SETTLED_AFTER_FRAMES, QUIET_AFTER_FRAMES = 36, 60
"""Until then, who spoke over it earlier is looked for in hindsight: for longer where nothing like an echo came. For an echo, 60
made more of what a client makes up for packets that are 120 ms late somebody's."""
ALIKE_DB = 4.2
"""Standard deviation between what arrives and what was sent, below which the one is the other's echo. Of an echo in a room it
is 3 to 4 dB, of noise 5, of another voice more than 10."""
LEAST_BANDS = 3
"""In which something loud was sent: of fewer nothing can be said."""


class EchoPath:
    """Fed with the levels of 20 ms frames, in dB in each band."""

    def __init__(self, *, silence_is_quiet: bool = False) -> None:
        self._silence_is_quiet = silence_is_quiet
        self._gains: Float32 = np.zeros((DELAYS, BANDS), np.float32)
        self._ratios: Float32 = np.zeros((DELAYS, BANDS), np.float32)
        """Of what arrives to what was sent, evened out, dB."""
        self._scatter: Float32 = np.zeros(DELAYS, np.float32)
        """Mean square of how far the ratios are from that."""
        self.forget()

    def forget(self) -> None:
        """The way is not what it was known to be: anything is possible again."""
        self._learnt_frames = 0
        self._echo_found = False
        self._quiet_frames = self._sounding_frames = 0
        self._gains[:] = UNKNOWN_GAIN_DB
        self._ratios[:] = 0
        self._scatter[:] = 20.0**2

    def heard(self, levels: Float32, sent: Float32) -> Float32:
        """What the own voice explains of `levels`: the level in each band up to which there is nothing to wonder at.

        `sent` (DELAYS, BANDS) is what was sent up to now, the newest first."""
        soonest = self._soonest(sent[0])
        as_soon = [(self._gains[sooner:] + sent[: DELAYS - sooner]).max(axis=0) for sooner in range(soonest + 1)]
        explained: Float32 = np.max(as_soon, axis=0)
        if self.learns_from(levels):
            self._learn(levels - sent, sent)
        return explained

    def _soonest(self, newest: Float32) -> int:
        """How many frames sooner than it is known to the echo may come now, given the newest frame that was sent."""
        if newest.max() > LEAST_SENT_DB:
            self._sounding_frames = 0 if self._quiet_frames >= PAUSE_FRAMES else self._sounding_frames + 1
            self._quiet_frames = 0
        else:
            self._quiet_frames += 1
        return SOONER_FRAMES if self._sounding_frames < SHIFTED_FRAMES else 0

    def learns_from(self, levels: Float32) -> bool:
        """Whether a microphone that is on delivered this, as far as can be told."""
        return self._silence_is_quiet or float(levels.max()) > MUTED_DB

    def _learn(self, ratios: Float32, sent: Float32) -> None:
        loud = sent > LOUD_DB
        self._learnt_frames += bool(loud[0].any())
        above = self._gains - ratios
        fall = np.minimum(np.maximum(LEAST_FALL_DB, FALL_SHARE * above), above)
        change = np.where(above > 0, -fall, np.where(loud, RISE_DB, 0))
        self._gains += np.where(sent > LEAST_SENT_DB, change, 0)
        deviations = np.where(loud, ratios - self._ratios, 0)
        self._ratios += LIKENESS * deviations
        bands = loud.sum(axis=1)
        scatter = np.square(deviations).sum(axis=1) / np.maximum(bands, 1)
        self._scatter += np.where(bands >= LEAST_BANDS, LIKENESS * np.minimum(bands / 8, 1) * (scatter - self._scatter), 0)
        alike = self._scatter < ALIKE_DB**2
        if alike.any():
            self._echo_found = True
            echo = np.where(loud[alike], self._ratios[alike], LEAST_GAIN_DB)
            self._gains[alike] = np.maximum(self._gains[alike], echo)
        np.clip(self._gains, LEAST_GAIN_DB, UNKNOWN_GAIN_DB, out=self._gains)

    @property
    def is_known(self) -> bool:
        """Enough was learnt to tell an echo from others. Until then all that could be one is taken for one."""
        return self._learnt_frames >= KNOWN_AFTER_FRAMES

    @property
    def is_settled(self) -> bool:
        """Nothing more is to be found out of what arrived before it was known."""
        return self._learnt_frames >= (SETTLED_AFTER_FRAMES if self._echo_found else QUIET_AFTER_FRAMES)

    @property
    def gain_db(self) -> float:
        return float(self._gains.mean(axis=1).max())

    @property
    def delay_ms(self) -> float:
        return float(self._gains.mean(axis=1).argmax()) * FRAME_MS
