"""For a wake word that its small model recognises only with quiet behind it: "Alexa, what time is it", said in one breath.

That of "alexa" gives such a sentence a probability of 0.01 to 0.3. Of an hour of other speech, so much befalls a few dozen
moments. Only then the same model looks again, at what came before, cut off at several places with silence behind each of them.
One of these is where the word ended, and there it is heard as if it had been said alone. So are words that resemble it ("Play
some quiet music"), but these no longer where the sound is changed a little: the word must be as certain when it is slower, as
it is when nothing follows, and when in addition the voice is a little higher, twice.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pymicro_wakeword import MicroWakeWord

Features = npt.NDArray[np.float64]
"""Of 10 ms of audio, shape (1, 1, 40): how loud each band is, from low to high."""

FAINT = 0.003
"""Mean probability in the stream from which on it is worth another look."""
CERTAIN = 0.992
"""Mean probability above which the word is there. With eight commands at the bench's five speeds it was so 32 times of 40, with
ten other voices 53 of 80 (without a second look, once each), and never in two hours of other speech: by what was chosen on
these hours. At 0.99 "a glass of water" was taken for it once. That was counted once;
`rtvi_local.bench.wake` counts one command and one hour anew."""
_WORD_STEPS = 80
_SLOWER = 1.35
_HIGHER_BANDS = (0, 1, 2)
_SILENCE_STEPS = 30
"""Steps of 10 ms, as the model needs them."""
_LATE_STEPS = 54
"""The stream becomes faintly sure up to so long after the word."""
_EVERY_STEPS = 3


class SecondLook:
    """One model over one stream of audio. It looks at one place for each step that it is given, which takes 1 to 3 ms."""

    def __init__(self, model: MicroWakeWord) -> None:
        """`model` is its own: what the stream left in it would be lost."""
        self._model = model
        self._steps: deque[Features] = deque(maxlen=_WORD_STEPS + _LATE_STEPS)
        self._heard = 0
        self._newest_end = 0
        """Of all places that were or are to be looked at, in steps heard."""
        self._ends: deque[int] = deque()

    def push(self, step: Features, probability: float) -> bool:
        """Whether the word is in what was heard before. `probability` is what the stream has come to with this step."""
        self._steps.append(step)
        self._heard += 1
        if probability >= FAINT:
            first = max(self._newest_end + _EVERY_STEPS, self._heard - _LATE_STEPS, 1)
            for end in range(first, self._heard + 1, _EVERY_STEPS):
                self._newest_end = end
                self._ends.append(end)
        return bool(self._ends) and self._ended_at(self._ends.popleft())

    def _ended_at(self, end: int) -> bool:
        missing = self._heard - end
        steps = list(self._steps)[: len(self._steps) - missing][-_WORD_STEPS:]
        return all(self._certainty(slower(higher(steps, bands))) > CERTAIN for bands in _HIGHER_BANDS)

    def _certainty(self, steps: list[Features]) -> float:
        self._model.reset()
        silence = [np.zeros((1, 1, 40))] * _SILENCE_STEPS
        return max(self._model.process_streaming_prob(step) or 0.0 for step in (*steps, *silence))

    def reset(self) -> None:
        """Forget what came before."""
        self._steps.clear()
        self._ends.clear()
        self._heard = self._newest_end = 0

    def close(self) -> None:
        self._model.close()


def slower(steps: list[Features]) -> list[Features]:
    """The same sound, lasting longer."""
    return [steps[min(round(place / _SLOWER), len(steps) - 1)] for place in range(int(len(steps) * _SLOWER))]


def higher(steps: list[Features], bands: int) -> list[Features]:
    """The same sound by a higher voice."""
    return [
        np.concatenate([step[..., :1].repeat(bands, axis=-1), step[..., : step.shape[-1] - bands]], axis=-1) for step in steps
    ]
