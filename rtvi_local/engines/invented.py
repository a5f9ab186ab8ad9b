"""Whisper makes up words where nobody speaks. What that looks like, without a list of phrases in one language."""

from __future__ import annotations

import re
import zlib

import numpy as np

from rtvi_local.audio.prominence import prominence_db
from rtvi_local.audio.treble import treble_db
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Transcription

_MOST_COMPRESSION = 2.4
"""Above it OpenAI's own decoder counts a text as a loop."""
_REPEATED = re.compile(r"\b(\w[\w' ]{6,}?)[\W_]+(?:\1[\W_]*){2,}|\b(\w+)[\W_]+(?:\2\b[\W_]*){4,}", re.IGNORECASE)
"""A phrase said three times on end, or a word five times."""
_KNOCKS = re.compile(
    r"\W*(?:(?!sh|[mh]+\b)([b-df-hj-np-tv-xz]+)(?:\W+\1)+|(?!no\b)([^\W\d_]+)(?:-\2){2,}|(ha+|[bdfgkpt]uh)(?:\W+\3){2,})\W*",
    re.IGNORECASE,
)
"""Keys, cutlery, steps and laughter: consonants alone or a syllable with hyphens, again and again ("T-t-t-t-", "Pfft, pfft",
"Tum-tum-tum-tum-", "Buh, buh, buh, buh,"). What people say so is "mm-hm" and "shh"."""
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_RESTART_WORDS = 4
_RESTARTED_CHARACTERS_PER_S = 20
"""People speak 12 to 16; what a decoder says twice makes 24 of 12."""
_MOST_CHARACTERS_PER_S = 35
"""Fast speakers reach 25."""
_LEAST_ENERGY_DBFS = -65
"""Below the noise of any sound card's microphone that is switched on."""
_SUSPICION = 1.25
"""Of no_speech_probability - 0.8 * mean_log_probability. Over silence, white and pink noise, hum, tunes, clicks, coughs and
breath (8 kinds x 4 lengths x 3 levels) whisper-base and tiny.en gave 1.29 and more; over speech, noisy too, less than 1.1 where
the text was right."""

_NO_SPEECH = 0.65
"""Of no_speech_probability alone. Clicks of a keyboard became a likely sentence at 0.71; 100 recordings and synthesized
sentences with fans, crowds and rooms, and their first 750 ms, stayed below 0.53, but for one of which no word was right."""
_CROWD_DB = 12.0
_CROWD_SUSPICION = 0.6
"""Words that stand out by less (audio/prominence.py) are not believed with more suspicion than this. Of a café at the level of
speech whisper-base made 92 likely texts, and 80 of them end here, as do 26 of 35 from seeds that nothing was chosen by. Of 3206
passes over right words of ten recordings and synthesized voices, short answers too, in quiet, in halls and in cafés, music and
fans 5 to 20 dB weaker, two end here (in a bathroom, in a café 7 dB weaker), but of those in a café 5 dB weaker 13 of 165."""
_SUDDEN_CROWD_DB = 10.0
_SUDDEN_CROWD_SUSPICION = 0.9
"""The same of what began out of silence, without that: 14 of the other 21, by which this was chosen, and of 3565 passes over
speech 6, words misheard in the first quarter of a second or in a bathroom."""


def repeats_itself(text: str) -> bool:
    """Whether this is a decoder that started over, rather than a person who repeats a word."""
    raw = text.encode()
    return len(raw) > 20 and (len(raw) / len(zlib.compress(raw)) > _MOST_COMPRESSION or _REPEATED.search(text) is not None)


def without_restart(text: str, duration_s: float, *, cut_off: bool) -> str:
    """`text` up to where the decoder started over: four words or more that say all again, or began to when the limit on tokens
    `cut_off` the text. A person who says a sentence twice takes twice the time for it, and is left alone."""
    if len(text) <= _RESTARTED_CHARACTERS_PER_S * duration_s and not cut_off:
        return text
    found = list(_WORD.finditer(text))
    words = [match.group().lower() for match in found]
    for start in range(_RESTART_WORDS, len(words) - _RESTART_WORDS + 1):
        again, before = words[start:], words[: len(words) - start]
        if len(again) < start and not cut_off:
            break
        # The last word may be only the beginning of one.
        if again[:-1] == before[:-1] and before[-1].startswith(again[-1]):
            return text[: found[start].start()].rstrip()
    return text


def speech_energy_db(samples: Float32) -> float:
    """Level of the loudest tenth of the audio in dBFS (20 ms at a time, 16 kHz): of the speech, if there is some."""
    frame = LISTENING_SAMPLE_RATE // 50
    if len(samples) < frame:
        return -200.0
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = float(np.quantile(np.mean(np.square(frames), axis=1), 0.9))
    return 10 * float(np.log10(max(power, 1e-20)))


def looks_invented(transcription: Transcription, duration_s: float, speech_energy_db: float) -> bool:
    """Whether this text should be dropped: nobody said it.

    A decoder that loops over real speech counts as invention too: what it says is not what was said.
    """
    text = transcription.text
    if not re.search(r"\w", text) or _KNOCKS.fullmatch(text) or speech_energy_db < _LEAST_ENERGY_DBFS:
        return True
    characters_per_s = len(text) / max(duration_s, 0.1)
    if characters_per_s > _MOST_CHARACTERS_PER_S or (repeats_itself(text) and characters_per_s > _MOST_CHARACTERS_PER_S / 2):
        return True
    return transcription.no_speech_probability > _NO_SPEECH or _suspicion(transcription) > _SUSPICION


def is_nobody(transcription: Transcription, samples: Float32, *, least_treble_db: float) -> bool:
    """Whether nobody here said this: it was made up, came through a wall (audio/treble.py), or is some of a crowd's words."""
    if treble_db(samples, LISTENING_SAMPLE_RATE) < least_treble_db:
        return True
    duration_s = samples.size / LISTENING_SAMPLE_RATE
    return looks_invented(transcription, duration_s, speech_energy_db(samples)) or _is_of_a_crowd(transcription, samples)


def _is_of_a_crowd(transcription: Transcription, samples: Float32) -> bool:
    suspicion = _suspicion(transcription)
    if suspicion > _CROWD_SUSPICION and prominence_db(samples, LISTENING_SAMPLE_RATE) < _CROWD_DB:
        return True
    if suspicion <= _SUDDEN_CROWD_SUSPICION:
        return False
    return prominence_db(samples, LISTENING_SAMPLE_RATE, since_first_sound=True) < _SUDDEN_CROWD_DB


def _suspicion(transcription: Transcription) -> float:
    return transcription.no_speech_probability - 0.8 * transcription.mean_log_probability
