"""microWakeWord's small models: four wake words, each a 50 to 80 KB network that looks at a stream of audio.

pymicro-wakeword brings the models and what runs them (TensorFlow Lite's C library, 5 MB; Apache-2.0 both). It takes 10 ms steps
of 16 kHz audio; all four together cost 0.6 % of a core while somebody talks, measured once (`python -m rtvi_local.bench.wake`
measures a whole appliance that is asleep). Its wheels are for Linux with glibc 2.35 or newer (x86-64, aarch64, armv7), macOS 15
and Windows; elsewhere `open_detector` raises an EngineError that says what works instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.signal_to_noise import SignalToNoise
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.wake_second_look import SecondLook

if TYPE_CHECKING:
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

SMALL_MODELS = ("alexa", "hey jarvis", "hey mycroft", "okay nabu")
"""What the package can recognise, as people say it."""

CUTOFFS = {"hey jarvis": 0.8, "hey mycroft": 0.8, "okay nabu": 0.6}
"""Mean probability from which on a word counts as heard, where the model's own is too strict: at 0.97, 0.95 and 0.85 they miss
calls in a room where others talk, and calls with a command right behind them. In an hour of other speech the highest were 0.25,
0.08 and 0.72 ("Okay, and what happens")."""
NOISY_CUTOFFS = {"okay nabu": 0.4}
"""The same in a noisy room. There the model is less sure of the word, but of all other speech even more so. Chosen on some
sounds, and tried on others: with a crowd 10 dB weaker than the words it wakes 86 times of 128 instead of 56 (the bench's voice,
16 others and one person, at several speeds and pitches), 15 dB weaker 114 times instead of 101. In 11 hours of other speech by
such voices, among crowds and fans 10 to 20 dB weaker and in rooms that echo, it wakes 6 times instead of 2."""
NOISY_DB = 28.0
"""Below this SignalToNoise a room is noisy: a crowd 15 dB weaker than the words, or a fan 20 dB weaker."""
SAID_ON = ("alexa",)
"""Those that the model misses where a command follows in the same breath, and that are looked for twice."""
_PIECE_SAMPLES = 320
"""20 ms, as SignalToNoise takes them."""
_SPELLINGS = {"ok nabu": "okay nabu"}


def small_model(phrase: str) -> str | None:
    """The wake word of SMALL_MODELS that is meant, if it is one: `okay_nabu`, `Okay Nabu` and `ok nabu` are the same."""
    words = " ".join(phrase.lower().replace("_", " ").replace("-", " ").split())
    words = _SPELLINGS.get(words, words)
    return words if words in SMALL_MODELS else None


def open_detector(words: Sequence[str]) -> MicroWakeWords:
    """A new conversation's detector for some of SMALL_MODELS (or none). Takes about 4 ms a word. Raises EngineError."""
    try:
        from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

        models = {word: MicroWakeWord.from_builtin(Model(word.replace(" ", "_"))) for word in words}
        for word, model in models.items():
            model.probability_cutoff = CUTOFFS.get(word, model.probability_cutoff)
        looks = {word: SecondLook(MicroWakeWord.from_builtin(Model(word))) for word in words if word in SAID_ON}
        return MicroWakeWords(models, MicroWakeWordFeatures(), looks)
    except (ImportError, OSError, ValueError) as error:
        raise EngineError(
            f"The small wake word models cannot run on this machine ({error}). Wake words of other names work: they are found "
            "in the transcript."
        ) from error


class MicroWakeWords:
    """Some wake words over one stream of audio (WakeWordDetector)."""

    def __init__(self, models: dict[str, MicroWakeWord], features: MicroWakeWordFeatures, looks: dict[str, SecondLook]) -> None:
        self._models = models
        self._features = features
        self._looks = looks
        self._room = SignalToNoise()

    def push(self, samples: Int16) -> str | None:
        found: str | None = None
        for start in range(0, samples.size, _PIECE_SAMPLES):
            # However much comes at once: what is known of the room when the word is looked for does not depend on that.
            word = self._push_piece(samples[start : start + _PIECE_SAMPLES])
            found = found or word
        return found

    def _push_piece(self, samples: Int16) -> str | None:
        found: str | None = None
        self._room.push(samples)
        for step in self._features.process_streaming(samples.tobytes()):
            for word, model in self._models.items():
                probability = model.process_streaming_prob(step) or 0.0
                is_there = probability > model.probability_cutoff or self._is_there_in_noise(word, probability)
                if (look := self._looks.get(word)) is not None:
                    is_there = look.push(step, probability) or is_there
                if is_there and found is None:
                    found = word
        return found

    def _is_there_in_noise(self, word: str, probability: float) -> bool:
        return probability > NOISY_CUTOFFS.get(word, 1.0) and self._room.db < NOISY_DB

    def reset(self) -> None:
        self._room.reset()
        self._features.reset()
        for model in self._models.values():
            model.reset()
        for look in self._looks.values():
            look.reset()

    def close(self) -> None:
        for model in self._models.values():
            model.close()
        for look in self._looks.values():
            look.close()
