from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.engines import piper_sound
from rtvi_local.engines.piper_sound import FIRST_CHUNK_FRAMES, MOST_CHUNK_FRAMES


@given(frames=st.integers(1, 3000), lead=st.integers(0, 12), tail=st.integers(0, 30))
def test_chunks_cover_every_frame_and_grow_no_faster_than_they_are_played(frames: int, lead: int, tail: int) -> None:
    ends = piper_sound.chunk_ends(frames, lead=lead, tail=tail)
    sizes = np.diff([0, *ends])
    assert ends[-1] == frames and all(size > 0 for size in sizes)
    assert sizes[0] <= lead + 2 * FIRST_CHUNK_FRAMES + tail
    assert all(later <= 2 * earlier for earlier, later in pairwise(sizes[:-1]))
    assert max(sizes) <= MOST_CHUNK_FRAMES + lead + tail + 2 * FIRST_CHUNK_FRAMES


@given(frames=st.integers(1, 3000), lead=st.integers(0, 12), tail=st.integers(0, 30))
def test_the_silence_at_the_end_is_made_with_the_sound_before_it(frames: int, lead: int, tail: int) -> None:
    ends = [0, *piper_sound.chunk_ends(frames, lead=lead, tail=tail)]
    assert ends[-2] == 0 or ends[-1] - ends[-2] > tail


def test_silence_is_found_at_both_ends_but_not_the_soft_start_of_a_word() -> None:
    sound = np.concatenate((np.zeros(1000), np.full(500, 0.1), np.zeros(2000))).astype(np.float32)
    assert piper_sound.silence_before(sound, 22050) == 1000 - 176
    assert piper_sound.silence_after(sound, 22050) == 2000 - 176
    assert piper_sound.silence_before(np.zeros(70, np.float32), 22050) == 70


def test_the_pause_follows_the_punctuation() -> None:
    pauses = [piper_sound.pause_s(phonemes) for phonemes in ("jˈɛs", "jˈɛs, ", "jˈɛs.", "是。")]
    assert pauses == sorted(pauses) and len(set(pauses)) == 3


def test_loud_peaks_are_bent_in_order_and_never_wrap_around() -> None:
    ramp = np.linspace(-3, 3, 1001, dtype=np.float32)
    pcm = piper_sound.to_int16(ramp.copy(), 1.0)
    assert np.all(np.diff(pcm.astype(np.int32)) >= 0)
    assert pcm.max() == 32767 and pcm.min() == -32767
    linear = np.abs(ramp) < piper_sound.KNEE
    np.testing.assert_allclose(pcm[linear], ramp[linear] * 32767, atol=0.51)


def test_one_gain_brings_quiet_and_loud_voices_to_the_same_level() -> None:
    tone = np.sin(np.arange(22050) * 0.05).astype(np.float32)
    for volume in (0.05, 0.2, 0.4):
        gain = piper_sound.gain_for(tone * volume)
        assert abs(np.sqrt(np.mean((tone * volume * gain) ** 2)) - piper_sound.LEVEL) < 0.005
    assert piper_sound.gain_for(np.zeros(100, np.float32)) == 1.0
