"""What sounds in a room where nobody talks to the appliance. 16 kHz, the same for the same seed, unscaled unless it says so.

Nobody could tell a person on the television from a person in the room by the sound of a loudspeaker that plays speech clearly:
what is made here comes through a wall or from far away, without its high tones and with many echoes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from rtvi_local.bench.rooms import crowd, echoing, fan
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32

RATE = LISTENING_SAMPLE_RATE

WALL_HZ = 400.0
"""Above it, a partition takes 12 dB an octave off what comes through."""
_JINGLE_S = 1.5
"""Of music that begins over the bot's voice and stops again."""
_NOTES = {"Am": (0, 3, 7), "F": (-4, 0, 3), "C": (3, 7, 10), "G": (-2, 2, 5)}
"""Semitones above A."""


def _times(seconds: float) -> Float32:
    return np.asarray(np.arange(int(seconds * RATE)) / RATE, np.float32)


def _add(whole: Float32, part: Float32, at: int) -> None:
    end = min(whole.size, at + part.size)
    if 0 <= at < end:
        whole[at:end] += part[: end - at]


def filtered(sound: Float32, gain: Callable[[npt.NDArray[np.floating]], object]) -> Float32:
    """With each frequency (Hz) times `gain` of it."""
    size = 1 << max(1, (sound.size - 1).bit_length())
    spectrum = np.fft.rfft(sound, size) * np.asarray(gain(np.fft.rfftfreq(size, 1 / RATE)))
    return np.asarray(np.fft.irfft(spectrum, size)[: sound.size], np.float32)


def _band(sound: Float32, middle_hz: float, octaves: float = 1.0) -> Float32:
    return filtered(sound, lambda hz: np.exp(-((np.log2(np.maximum(hz, 1) / middle_hz) / octaves) ** 2)))


def _noise(seconds: float, seed: int) -> Float32:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32)


def _tone(hz: float, seconds: float, harmonics: int, decay: float) -> Float32:
    at_s = _times(seconds)
    waves = [np.sin(2 * np.pi * hz * h * at_s) / h for h in range(1, harmonics + 1) if hz * h < RATE / 2]
    return np.asarray(np.sum(waves, axis=0) * np.exp(-decay * at_s), np.float32)


# --- long ones ---------------------------------------------------------------------------------------------------------


def cafe(voices: Sequence[Float32], seconds: float, seed: int) -> Float32:
    """Eight people at other tables, cups, and the machine."""
    length = int(seconds * RATE)
    people = crowd(list(voices), length, speakers=8, seed=seed)
    sound = echoing(people / np.std(people), 0.6, -3, seed)
    chance = np.random.default_rng(seed)
    for at in chance.integers(0, length, int(seconds / 2)):
        _add(sound, _cup(int(at)) * float(chance.uniform(0.5, 2)), int(at))
    return np.asarray(sound + 0.3 * fan(length, seed) / np.std(fan(length, seed)), np.float32)


def music(seconds: float, seed: int) -> Float32:
    """Four chords, a bass, a melody and drums."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    chance = np.random.default_rng(seed)
    beat_s = 60 / float(chance.uniform(84, 126))
    for number in range(int(seconds / beat_s)):
        at = int(number * beat_s * RATE)
        notes = list(_NOTES.values())[number // 4 % 4]
        if number % 4 == 0:
            for note in notes:
                _add(sound, 0.5 * _tone(220 * 2 ** (note / 12), 4 * beat_s, 5, 0.6), at)
        _add(sound, _tone(55 * 2 ** (notes[0] / 12), beat_s, 4, 2.0), at)
        _add(sound, 0.7 * _tone(440 * 2 ** (float(chance.choice(notes)) / 12), beat_s, 6, 3.0), at)
        _add(sound, _drum(number), at)
        _add(sound, 0.15 * _band(_noise(0.05, number), 7000) * np.exp(-_times(0.05) * 80), at + int(beat_s * RATE / 2))
    return echoing(sound, 0.3, 6, seed)


def television(voices: Sequence[Float32], seconds: float, seed: int) -> Float32:
    """People talking, one after the other with pauses, and music under it, in the next room."""
    chance = np.random.default_rng(seed)
    length = int(seconds * RATE)
    talk = np.zeros(length, np.float32)
    at = 0
    while at < length:
        voice = voices[int(chance.integers(len(voices)))]
        _add(talk, voice / np.std(voice), at)
        at += voice.size + int(chance.uniform(0.1, 1.5) * RATE)
    tune = music(seconds, seed)
    return through_a_wall(talk + 0.2 * tune / np.std(tune), seed)


def through_a_wall(sound: Float32, seed: int) -> Float32:
    muffled = filtered(sound, lambda hz: 1 / (1 + (hz / WALL_HZ) ** 2))
    return echoing(muffled, 0.5, -6, seed)


def household(seconds: float, seed: int) -> Float32:
    """Typing, doors, cups, coughs, a dog, a hum; one or the other every second or so."""
    length = int(seconds * RATE)
    chance = np.random.default_rng(seed)
    sound = 0.02 * np.sum([np.sin(2 * np.pi * 50 * h * _times(seconds)) / h for h in range(1, 9)], axis=0).astype(np.float32)
    names = [name for name in SHORT if name not in ("mhm", "uh-huh", "music")]  # said to somebody, or a room's own
    for at in np.arange(0, length, RATE):
        one = SHORT[names[int(chance.integers(len(names)))]](int(at))
        _add(sound, one / max(1e-6, float(np.abs(one).max())), int(at + chance.integers(RATE)))
    return echoing(sound, 0.4, 6, seed)


# --- short ones --------------------------------------------------------------------------------------------------------


def _drum(number: int) -> Float32:
    at_s = _times(0.2)
    if number % 2 == 0:
        return np.asarray(1.5 * np.sin(2 * np.pi * (50 * at_s + 8 * (1 - np.exp(-30 * at_s)))) * np.exp(-at_s * 18), np.float32)
    return np.asarray(0.6 * _band(_noise(0.2, number), 2500, 1.5) * np.exp(-at_s * 25), np.float32)


def _cough(seed: int) -> Float32:
    """A burst, air through an open throat, and a voiced end."""
    chance = np.random.default_rng(seed)
    pieces = []
    for _ in range(int(chance.integers(1, 4))):
        at_s = _times(0.32)
        air = sum((_band(_noise(0.32, int(chance.integers(1 << 30))), hz, 0.5) for hz in (700, 1400, 2800)), np.float32(0))
        shape = np.exp(-at_s * 40) * 3 + np.exp(-((at_s - 0.1) ** 2) / 0.004)
        voiced = _band(_tone(float(chance.uniform(110, 220)), 0.32, 20, 4), 800, 1.5) * np.clip((at_s - 0.15) * 8, 0, 0.5)
        pieces += [np.asarray(air * shape + voiced, np.float32), np.zeros(int(chance.uniform(0.08, 0.25) * RATE), np.float32)]
    return np.concatenate(pieces)


def _sneeze(seed: int) -> Float32:
    at_s = _times(0.45)
    return np.asarray(_band(_noise(0.45, seed), 3500, 1.2) * (np.exp(-((at_s - 0.12) ** 2) / 0.004)), np.float32)


def _door(seed: int) -> Float32:
    at_s = _times(0.5)
    thud = _band(_noise(0.5, seed), 110, 0.8) * 6 + 0.5 * _noise(0.5, seed + 1) * np.exp(-at_s * 60)
    return echoing(np.asarray(thud * np.exp(-at_s * 12), np.float32), 0.4, 3, seed)


def _cup(seed: int) -> Float32:
    chance = np.random.default_rng(seed)
    tones = [_tone(float(chance.uniform(1800, 5200)), 0.25, 1, float(chance.uniform(15, 40))) for _ in range(4)]
    return np.asarray(np.sum(tones, axis=0), np.float32)


def _clap(seed: int) -> Float32:
    one = np.asarray(_band(_noise(0.06, seed), 1500, 1.2) * np.exp(-_times(0.06) * 70), np.float32)
    gap = np.zeros(int(0.22 * RATE), np.float32)
    return echoing(np.concatenate([one, gap, one, gap, one, gap]), 0.3, 3, seed)


def _typing(seed: int) -> Float32:
    chance = np.random.default_rng(seed)
    sound = np.zeros(int(1.2 * RATE), np.float32)
    for at in np.cumsum(chance.uniform(0.06, 0.2, 9)):
        _add(
            sound,
            np.asarray(_band(_noise(0.02, int(at * 1e6)), 3000) * np.exp(-_times(0.02) * 200), np.float32),
            int(at * RATE),
        )
    return sound


def _chair(seed: int) -> Float32:
    """Legs over a floor: a rough tone whose pitch wanders."""
    at_s = _times(0.6)
    rough = np.sign(np.sin(2 * np.pi * (180 * at_s + 3 * np.sin(9 * at_s)))) + 0.8 * _noise(0.6, seed)
    return np.asarray(_band(rough.astype(np.float32), 900, 1.2) * np.hanning(at_s.size), np.float32)


def _dog(seed: int) -> Float32:
    at_s = _times(0.22)
    falling = np.cumsum(2 * np.pi * (650 - 1100 * at_s) / RATE)
    bark = sum((np.sin(h * falling) / h for h in range(1, 9)), np.float64(0)) * np.hanning(at_s.size)
    bark = np.asarray(bark + 0.3 * _noise(0.22, seed) * np.hanning(at_s.size), np.float32)
    return np.concatenate([bark, np.zeros(int(0.2 * RATE), np.float32), bark])


def _throat(seed: int) -> Float32:
    """Voiced and rough, with the mouth closed."""
    at_s = _times(0.5)
    pulses = np.maximum(0, np.sin(2 * np.pi * (95 * at_s + 0.6 * np.sin(2 * np.pi * 27 * at_s)))) ** 6
    rough = pulses.astype(np.float32) + 0.15 * _noise(0.5, seed)
    return np.asarray(_band(rough.astype(np.float32), 450, 1.2) * np.hanning(at_s.size), np.float32)


def _laugh(seed: int) -> Float32:
    """Ha, ha, ha, ha: breath, then a short open vowel, each lower than the one before."""
    pieces = []
    for number in range(5):
        at_s = _times(0.09)
        vowel = _tone(230 - 14 * number, 0.09, 25, 0) * np.hanning(at_s.size)
        open_mouth = _band(vowel.astype(np.float32), 800, 0.6) + 0.5 * _band(vowel.astype(np.float32), 1300, 0.5)
        pieces += [0.05 * _noise(0.08, seed + number), np.asarray(open_mouth, np.float32)]
    return np.concatenate(pieces)


def _hum(seed: int, gap_s: float) -> Float32:
    """A person's mhm: two hums through the nose, the second higher."""
    chance = np.random.default_rng(seed)
    low_hz = float(chance.uniform(95, 190))
    pieces = []
    for hz, seconds in ((low_hz, 0.16), (low_hz * 1.25, 0.24)):
        at_s = _times(seconds)
        glide = np.cumsum(2 * np.pi * hz * (1 + 0.1 * at_s / seconds) / RATE)
        tone = sum((np.sin(h * glide) / h for h in range(1, 25)), np.float64(0)) * np.hanning(at_s.size) ** 0.5
        pieces += [np.asarray(tone, np.float32), np.zeros(int(gap_s * RATE), np.float32)]
    voiced = np.concatenate(pieces[:-1])
    through_the_nose = _band(voiced, 260, 0.7) + 0.25 * _band(voiced, 1000, 0.4) + 0.1 * _band(voiced, 2300, 0.3)
    return np.asarray(through_the_nose, np.float32)


SHORT: dict[str, Callable[[int], Float32]] = {
    "mhm": lambda seed: _hum(seed, 0.0),
    "uh-huh": lambda seed: _hum(seed, 0.09),
    "cough": _cough,
    "sneeze": _sneeze,
    "throat": _throat,
    "laugh": _laugh,
    "door": _door,
    "cup": _cup,
    "clap": _clap,
    "typing": _typing,
    "chair": _chair,
    "dog": _dog,
    "music": lambda seed: music(_JINGLE_S, seed),
}
